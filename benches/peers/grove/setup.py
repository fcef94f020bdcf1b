from setuptools import setup

setup(
    name="grove-kestra",
    version="1",
    py_modules=["grove_kestra"],
    entry_points={"grove.connectors": ["kestra_audit = grove_kestra:Connector"]},
)
