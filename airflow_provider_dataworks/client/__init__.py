"""The DataWorks API over requests and tenacity; imports nothing of Airflow."""
