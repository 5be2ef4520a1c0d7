"""``python -m airflow_provider_dataworks``."""

from airflow_provider_dataworks.cli.definition import main

if __name__ == "__main__":
    main()
