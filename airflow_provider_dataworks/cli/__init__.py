"""Commands for a shell: ``airflow dataworks``, and ``python -m airflow_provider_dataworks`` on any Airflow."""
