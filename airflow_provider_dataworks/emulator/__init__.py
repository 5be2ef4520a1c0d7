"""
An emulator of DataWorks: the Data Integration part of the OpenAPI 2020-05-18, on a loopback port, for demos and tests.

``python -m airflow_provider_dataworks.emulator`` starts it from a shell;
:func:`airflow_provider_dataworks.emulator.testing.running_emulator` starts it in a Python process, and the pytest
fixture ``dataworks_emulator`` in a test. It needs the extra ``emulator``. Nothing here imports Airflow.
"""
