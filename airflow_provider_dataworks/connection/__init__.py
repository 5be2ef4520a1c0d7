"""An Airflow connection of type dataworks: its form, its settings, its credentials."""
