"""Reads and writes tables in buckets of a server with pandas (s3fs) and pyarrow.

    s3_pandas.py URL ACCESS_KEY SECRET_KEY

`RUN` names a run whose outputs are read. Every check is an assertion; the last line is `ok`.
"""

import os
import sys

import pandas
import pyarrow.ipc
import s3fs

URL, ACCESS, SECRET = sys.argv[1:4]
OPTIONS = {"key": ACCESS, "secret": SECRET, "client_kwargs": {"endpoint_url": URL, "region_name": "us-east-1"}}


def main():
    fs = s3fs.S3FileSystem(**OPTIONS)
    fs.mkdir("pandas-data")
    table = pandas.DataFrame({"n": range(50_000), "word": ["é"] * 50_000})
    table.to_csv("s3://pandas-data/in/t.csv", index=False, storage_options=OPTIONS)
    table.to_parquet("s3://pandas-data/in/t.parquet", storage_options=OPTIONS)
    assert pandas.read_csv("s3://pandas-data/in/t.csv", storage_options=OPTIONS).equals(table)
    back = pandas.read_parquet("s3://pandas-data/in/t.parquet", storage_options=OPTIONS)
    assert back["n"].tolist() == table["n"].tolist()
    assert sorted(fs.ls("pandas-data/in")) == ["pandas-data/in/t.csv", "pandas-data/in/t.parquet"]
    # A large file goes in parts, and is read from its middle.
    with fs.open("pandas-data/big.bin", "wb", block_size=5 << 20) as file:
        for n in range(24):
            file.write(bytes([n]) * (1 << 20))
    with fs.open("pandas-data/big.bin", "rb") as file:
        file.seek((7 << 20) - 1)
        assert file.read(2) == bytes([6, 7])
    fs.cp("pandas-data/big.bin", "pandas-data/copy.bin")
    assert fs.du("pandas-data/copy.bin") == 24 << 20
    fs.rm("pandas-data/in", recursive=True)
    assert not fs.exists("pandas-data/in/t.csv")
    # What a run has made.
    made = f"millstream/runs/{os.environ['RUN']}/extract/table/table.arrow"
    with fs.open(made, "rb") as file:
        table = pyarrow.ipc.open_stream(file).read_all()
    assert table.num_rows == 2 and set(table.column_names) == {"a", "b"}, table
    print("ok")


if __name__ == "__main__":
    main()
