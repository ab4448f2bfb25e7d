# Studies whose only input is the configuration; each has a rule of the same name.


for _name in ("identities", *declared.DEMONSTRATIONS):

    rule:
        name:
            _name
        input:
            CONFIGURED,
        output:
            study_files(_name, declared.EXPERIMENTS[_name].writes),
        log:
            FOLDER / f"logs/studies/{_name}.log",
        benchmark:
            FOLDER / f"benchmarks/studies/{_name}.tsv"
        conda:
            "../../environment.yml"
        threads: SETTINGS.machine.threads
        resources:
            mem_mb=mb_of(_name),
            runtime=minutes_of(_name),
        params:
            study=_name,
            fingerprint=fingerprint_of(_name),
        shell:
            reinrelax("compute --fingerprint {params.fingerprint} --job {params.study}")
