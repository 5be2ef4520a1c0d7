"""``python -m airflow_provider_dataworks.emulator``."""

from airflow_provider_dataworks.emulator.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
