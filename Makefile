# `make report` and `make test` are all you need; both create the environment first.

PYTHON ?= python3
VENV ?= .venv
CORES ?= all
# Selects part of the plan: ONLY="experiments: [elbo], shapes: [8x4], estimators: [ReinMax]"; empty for everything.
ONLY ?=
# Empty for the quick scale; otherwise the name of a file in workflow/scales, such as paper or test.
SCALE ?=
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One more process than cores, at most eight: tests that wait for a cluster or a browser leave a core idle.
PARALLEL := -n $(shell n=$$(($$(getconf _NPROCESSORS_ONLN) + 1)); echo $$((n < 8 ? n : 8))) --dist worksteal

.PHONY: report paper publish paper-report verify test check mutants plan status diff merge bench rates limits docs lock format clean help

help:
	@echo "make report   train at the quick scale and build the report; only part of it: ONLY=\"experiments: [elbo], shapes: [8x4]\""
	@echo "make paper    run the papers' full scale in stages, most informative first, then report and publish: make paper HOURS=8"
	@echo "make publish  pack the finished jobs of the papers' scale into published/"
	@echo "make paper-report  build the report of the published results, without training, within a minute"
	@echo "make verify   retrain the first epochs of the published trainings and compare: make verify MINUTES=10"
	@echo "make test     run all tests"
	@echo "make check    check format, lint and types, and run the fast tests, in two minutes"
	@echo "make mutants  plant faults one at a time and count those that the tests detect; only some files: make mutants IN=claims"
	@echo "make plan     show the jobs that would run, and their estimated time"
	@echo "make status   show where a run stands: jobs done, running and left, time to the end, disk use; make status SCALE=paper"
	@echo "make diff     show the differences between two results folders: make diff A=results/quick B=results/paper"
	@echo "make merge    merge results of other machines, or published ones, into one folder: make merge INTO=results/quick FROM=\"a b\""
	@echo "make bench    measure speed against its bound and plain PyTorch; a quick look: make bench BENCH=\"--images 1000 --rounds 1\""
	@echo "make rates    measure the error rates of the rules of verdicts again: report/rates.csv"
	@echo "make limits   read the dates of the rules of verdicts from git again: report/limits.csv"
	@echo "make docs     build the documentation, with tables of the published results: build/docs/html/index.html"
	@echo "make format   format the code, and write the schema of config.yaml for editors"
	@echo "make lock     renew requirements.lock and environment.yml from pyproject.toml"
	@echo "make clean    remove the environment, and say what stays"

report: $(READY)
	$(BIN)/snakemake --cores $(CORES) $(if $(SCALE),--configfile workflow/scales/$(SCALE).yaml) \
	  $(if $(ONLY),--config 'only={$(ONLY)}')

# The papers' scale, unless SCALE names another.
PAPER = --config config.yaml --config workflow/scales/$(or $(SCALE),paper).yaml

paper: $(READY)
	@$(BIN)/python -m reinrelax campaign $(PAPER) --cores "$(CORES)" $(if $(HOURS),--hours "$(HOURS)")

publish: $(READY)
	@$(BIN)/python -m reinrelax publish $(PAPER)

paper-report: $(READY)
	@$(BIN)/python -m reinrelax report $(PAPER) --published published/$(or $(SCALE),paper)

verify: $(READY)
	@$(BIN)/python -m reinrelax verify $(PAPER) $(if $(MINUTES),--minutes "$(MINUTES)") $(if $(FROM),--published "$(FROM)")

test: $(READY) style
	$(BIN)/pytest $(PARALLEL)

check: $(READY) style
	$(BIN)/pytest $(PARALLEL) -m "not slow"

mutants: $(READY)
	$(BIN)/python -m tests.mutants $(IN)

.PHONY: style
style: $(READY)
	$(BIN)/ruff format --check src tests benchmarks docs examples
	$(BIN)/ruff check src tests benchmarks docs examples
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	@# Shows the linter's output only on failure: it always prints startup messages.
	$(BIN)/snakemake --lint > $(VENV)/lint.log 2>&1 || (cat $(VENV)/lint.log; exit 1)

plan status: $(READY)
	@$(BIN)/python -m reinrelax $@ --config config.yaml $(if $(SCALE),--config workflow/scales/$(SCALE).yaml) \
	  $(if $(ONLY),--only '$(ONLY)')

diff: $(READY)
	$(if $(and $(A),$(B)),,$(error two folders are needed: make diff A=results/quick B=results/paper))
	@$(BIN)/python -m reinrelax diff "$(A)" "$(B)" $(if $(OUT),--out "$(OUT)")

merge: $(READY)
	$(if $(and $(INTO),$(FROM)),,$(error folders are needed: make merge INTO=results/quick FROM="a b"))
	@$(BIN)/python -m reinrelax merge --config config.yaml $(if $(SCALE),--config workflow/scales/$(SCALE).yaml) \
	  "$(INTO)" $(FROM)

bench: $(READY)
	$(BIN)/python -m benchmarks $(BENCH)
	$(if $(BENCH),,$(BIN)/python -m benchmarks.steps)
	$(if $(BENCH),,$(BIN)/python -W ignore -m benchmarks.peers)

rates: $(READY)
	$(BIN)/python -m tests.rates

limits: $(READY)
	$(BIN)/python -m reinrelax.claims.history

docs: $(READY)
	@$(BIN)/python -m docs.site

format: $(READY)
	$(BIN)/ruff check --fix --quiet src tests benchmarks docs examples
	$(BIN)/ruff format src tests benchmarks docs examples
	$(BIN)/snakefmt Snakefile workflow
	$(BIN)/python -m reinrelax.config.schema

lock: $(READY)
	$(BIN)/python workflow/lock.py

# These are kept by `make clean`.
STAYS = $(wildcard results data .snakemake published)
clean:
	rm -rf $(VENV)
	@echo "The environment is removed; \`make report\` creates it again. What stays:"
	@$(if $(STAYS),du -sh $(STAYS),echo nothing)
	@echo "\`python -m reinrelax clean\` lists results that config.yaml no longer requests."

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
