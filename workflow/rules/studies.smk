# Studies that read nothing but the configuration, each with a rule of its name.


for _name in ("identities", *declared.DEMONSTRATIONS):

    rule:
        name:
            _name
        input:
            CONFIGURED,
        output:
            study_files(_name),
        log:
            FOLDER / f"logs/studies/{_name}.log",
        benchmark:
            FOLDER / f"benchmarks/studies/{_name}.tsv"
        conda:
            "../../environment.yml"
        threads: SETTINGS.machine.threads
        resources:
            mem_mb=1500,
        params:
            study=_name,
            fingerprint=study_fingerprint(_name),
        shell:
            reinrelax("study --fingerprint {params.fingerprint} --study {params.study}")
