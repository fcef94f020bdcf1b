"""Asks the analyzer of GoogleSQL about statements, and prints what it says.

    analyze_sql.py < {"tables": {"name": "CREATE TABLE …", …}, "statements": {"name": "SELECT …", …}}

The tables are the catalog for the statements: names and types are what the analyzer makes of their
DDL. The answer is one JSON object with an item for each statement, in one of two forms:

    {"name": {"columns": [["dt", "DATE"], …]}, "other": {"refused": "Unrecognized name: …"}}

A table that the analyzer refuses ends the script with a message. The analyzer is WebAssembly; it is
compiled once, which takes most of a minute, and kept beside the environment.
"""

import json
import os
import sys
from pathlib import Path

import wasmtime

COMPILED = Path(sys.prefix) / "zetasql.compiled"


def kept(compile_file):
    """wasmtime's `Module.from_file`, with the outcome of an earlier run where there is one."""

    def from_file(engine, path):
        if COMPILED.exists():
            try:
                return wasmtime.Module.deserialize_file(engine, str(COMPILED))
            except wasmtime.WasmtimeError:
                # Compiled for another processor.
                pass
        module = compile_file(engine, path)
        # Another run may do the same; a file that is there is whole.
        part = COMPILED.with_suffix(f".{os.getpid()}")
        part.write_bytes(module.serialize())
        part.replace(COMPILED)
        return module

    return from_file


wasmtime.Module.from_file = kept(wasmtime.Module.from_file)

from zetasql.api import Analyzer, CatalogBuilder, TableBuilder  # noqa: E402
from zetasql.core.exceptions import ZetaSQLError  # noqa: E402
from zetasql.types import (  # noqa: E402
    AnalyzerOptions,
    LanguageOptions,
    ProductMode,
    TypeKind,
    ZetaSQLBuiltinFunctionOptions,
)


def type_name(kind):
    return TypeKind(kind).name.removeprefix("TYPE_")


def main():
    asked = json.load(sys.stdin)
    language = LanguageOptions.maximum_features()
    # BigQuery is the external product: no INT32, no protocol buffers.
    language.product_mode = ProductMode.PRODUCT_EXTERNAL
    # Empty means every kind, CREATE TABLE too.
    language.supported_statement_kinds = []
    options = AnalyzerOptions(language_options=language)
    builtin = ZetaSQLBuiltinFunctionOptions(language_options=language)

    def catalog():
        return CatalogBuilder("lake").with_builtin_functions(builtin)

    tables = catalog()
    for name, ddl in asked["tables"].items():
        try:
            made = Analyzer(options, catalog().build()).analyze_statement(ddl)
        except ZetaSQLError as error:
            sys.exit(f"{name}: {error}")
        if made.name_path != [name]:
            sys.exit(f"{name}: the statement makes {made.name_path}")
        table = TableBuilder(name)
        for column in made.column_definition_list:
            table.add_column(column.name, column.type.type_kind)
        tables.add_table(table.build())
    analyzer = Analyzer(options, tables.build())
    answers = {}
    for name, sql in asked["statements"].items():
        try:
            statement = analyzer.analyze_statement(sql)
            # A statement that only changes rows returns none.
            columns = [
                [column.name, type_name(column.column.type.type_kind)]
                for column in getattr(statement, "output_column_list", [])
            ]
            answers[name] = {"columns": columns}
        except ZetaSQLError as error:
            answers[name] = {"refused": str(error)}
    json.dump(answers, sys.stdout)


main()
