"""The hook: an Airflow connection turned into DataWorks calls."""
