"""Apache Airflow provider for Alibaba Cloud DataWorks Data Integration."""

__version__ = "0.1.0"
