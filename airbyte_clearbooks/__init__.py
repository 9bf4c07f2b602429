"""The tap and the target over Airbyte's protocol: `source-clearbooks`, `destination-clearbooks`.

None of Airbyte's packages is needed at run time: its CDK and the Singer SDK cannot share an
environment, since each brings another `backoff`.
"""
