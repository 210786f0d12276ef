"""Uses buckets of a server with boto3's `s3` client, the AWS CLI and polars, unmodified but for the endpoint's URL.

    s3.py URL ACCESS_KEY SECRET_KEY [CHECK ...]

Every check is an assertion; the last line is `ok`. Without names of checks all are made.
"""

import base64
import concurrent.futures
import datetime
import hashlib
import io
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

URL, ACCESS, SECRET = sys.argv[1:4]
MB = 1 << 20


def client(access=ACCESS, secret=SECRET, style="path", **config):
    """A client as its users make it."""
    config = Config(retries={"max_attempts": 1}, read_timeout=60, s3={"addressing_style": style}, **config)
    return boto3.client(
        "s3",
        endpoint_url=URL,
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=config,
    )


s3 = client()


def code_of(call, **arguments):
    """The code of the error that a call ends with."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"no error for {arguments}")


def bucket(name):
    """A new bucket."""
    s3.create_bucket(Bucket=name)
    return name


def keys(**arguments):
    """The keys of a listing, page by page."""
    pages = s3.get_paginator("list_objects_v2").paginate(**arguments)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def check_buckets():
    """They are made, listed, looked for and removed."""
    b = bucket("first-bucket")
    assert code_of(s3.create_bucket, Bucket=b) in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")
    assert b in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=b)["LocationConstraint"] is None
    s3.head_bucket(Bucket=b)
    assert code_of(s3.head_bucket, Bucket="no-such-bucket") == "404"
    assert code_of(s3.list_objects_v2, Bucket="no-such-bucket") == "NoSuchBucket"
    assert code_of(s3.put_object, Bucket="no-such-bucket", Key="k", Body=b"x") == "NoSuchBucket"
    s3.put_object(Bucket=b, Key="k", Body=b"x")
    assert code_of(s3.delete_bucket, Bucket=b) == "BucketNotEmpty"
    s3.delete_object(Bucket=b, Key="k")
    s3.delete_bucket(Bucket=b)
    assert code_of(s3.head_bucket, Bucket=b) == "404"
    # The bucket of what the home holds is there, and is read alone.
    assert code_of(s3.put_object, Bucket="millstream", Key="k", Body=b"x") == "AccessDenied"
    assert code_of(s3.delete_bucket, Bucket="millstream") == "AccessDenied"


def check_objects():
    """What is put is what is got, with all that was said of it."""
    b = bucket("objects")
    for size in (0, 1, 100_000, 3 * MB):
        body = os.urandom(size)
        put = s3.put_object(
            Bucket=b, Key="a/b c", Body=body, ContentType="text/x-thing", Metadata={"Who": "me"}, CacheControl="no-cache"
        )
        assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"', put
        got = s3.get_object(Bucket=b, Key="a/b c")
        assert got["Body"].read() == body
        assert (got["ETag"], got["ContentType"], got["CacheControl"]) == (put["ETag"], "text/x-thing", "no-cache"), got
        assert got["Metadata"] == {"who": "me"}, got
        head = s3.head_object(Bucket=b, Key="a/b c")
        assert (head["ContentLength"], head["ETag"]) == (size, put["ETag"]), head
        age = datetime.datetime.now(datetime.timezone.utc) - head["LastModified"]
        assert abs(age.total_seconds()) < 60, head
    assert s3.put_object(Bucket=b, Key="plain", Body=b"x")["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.head_object(Bucket=b, Key="plain")["ContentType"] == "binary/octet-stream"
    assert code_of(s3.get_object, Bucket=b, Key="none") == "NoSuchKey"
    assert code_of(s3.head_object, Bucket=b, Key="none") == "404"
    # Keys that file systems do not take, all side by side.
    odd = ["a", "a/", "a/b", "a//b", "/", "//x", ".hidden", "..", "x/../y", "-", "ü/ß €", "tab\there", "q?a=b&c#d", "50% +", "~" * 300, "n" * 900]
    for key in odd:
        s3.put_object(Bucket=b, Key=key, Body=key.encode())
    for key in odd:
        assert s3.get_object(Bucket=b, Key=key)["Body"].read() == key.encode(), key
    assert set(odd) <= set(keys(Bucket=b))
    assert code_of(s3.put_object, Bucket=b, Key="x" * 1025, Body=b"") == "KeyTooLongError"
    deleted = s3.delete_objects(Bucket=b, Delete={"Objects": [{"Key": key} for key in [*odd, "never there"]]})
    assert len(deleted["Deleted"]) == len(odd) + 1 and "Errors" not in deleted, deleted
    assert keys(Bucket=b) == ["a/b c", "plain"]


def check_ranges():
    """Parts and conditions, as S3 answers them."""
    b, body = bucket("ranges"), bytes(range(256)) * 10
    etag = s3.put_object(Bucket=b, Key="k", Body=body)["ETag"]

    def get(**arguments):
        return s3.get_object(Bucket=b, Key="k", **arguments)

    for asked, part, told in [
        ("bytes=0-9", body[:10], "bytes 0-9/2560"),
        ("bytes=2550-", body[-10:], "bytes 2550-2559/2560"),
        ("bytes=-7", body[-7:], "bytes 2553-2559/2560"),
        ("bytes=2000-9999", body[2000:], "bytes 2000-2559/2560"),
    ]:
        got = get(Range=asked)
        assert (got["Body"].read(), got["ContentRange"], got["ContentLength"]) == (part, told, len(part)), got
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    for strange in ("bytes=0-1,5-6", "bytes=9-1", "rows=1-2"):
        if SIGNED:  # The header is signed, and can't be passed over.
            assert code_of(get, Range=strange) == "InvalidArgument", strange
        else:
            assert get(Range=strange)["ResponseMetadata"]["HTTPStatusCode"] == 200, strange
    for beyond in ("bytes=2560-", "bytes=-0"):
        assert code_of(get, Range=beyond) == "InvalidRange", beyond
    hour = datetime.timedelta(hours=1)
    now = datetime.datetime.now(datetime.timezone.utc)
    assert get(IfMatch=etag)["ETag"] == etag
    assert code_of(get, IfMatch='"other"') == "PreconditionFailed"
    assert code_of(get, IfNoneMatch=etag) == "304"
    assert get(IfNoneMatch='"other"')["ETag"] == etag
    assert code_of(get, IfModifiedSince=now + hour) == "304"
    assert code_of(get, IfUnmodifiedSince=now - hour) == "PreconditionFailed"
    assert get(IfModifiedSince=now - hour, IfUnmodifiedSince=now + hour)["ETag"] == etag


def check_listing():
    """Prefixes, delimiters, pages, both versions of the call."""
    b = bucket("listing")
    names = sorted([f"logs/2026/{n:02}.csv" for n in range(25)] + ["logs/x", "logs-old", "logs", "a b", "z/1", "z/2", "ä"], key=str.encode)
    for name in names:
        s3.put_object(Bucket=b, Key=name, Body=b"x")
    assert keys(Bucket=b) == names
    assert keys(Bucket=b, PaginationConfig={"PageSize": 3}) == names
    assert keys(Bucket=b, Prefix="logs/", PaginationConfig={"PageSize": 7}) == [n for n in names if n.startswith("logs/")]
    assert keys(Bucket=b, StartAfter="logs/x") == [n for n in names if n.encode() > b"logs/x"]
    for size in (1, 2, 1000):
        pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=b, Delimiter="/", PaginationConfig={"PageSize": size}))
        assert [e["Key"] for p in pages for e in p.get("Contents", [])] == ["a b", "logs", "logs-old", "ä"], size
        assert [e["Prefix"] for p in pages for e in p.get("CommonPrefixes", [])] == ["logs/", "z/"], size
        pages = list(s3.get_paginator("list_objects").paginate(Bucket=b, Delimiter="/", PaginationConfig={"PageSize": size}))
        assert [e["Prefix"] for p in pages for e in p.get("CommonPrefixes", [])] == ["logs/", "z/"], size
    first = s3.list_objects_v2(Bucket=b, MaxKeys=5)
    assert first["IsTruncated"] and first["KeyCount"] == 5, first
    entry = s3.list_objects_v2(Bucket=b, Prefix="z/1")["Contents"][0]
    assert (entry["Size"], entry["ETag"], entry["StorageClass"]) == (1, f'"{hashlib.md5(b"x").hexdigest()}"', "STANDARD")
    assert code_of(s3.list_objects_v2, Bucket=b, ContinuationToken="*") == "InvalidArgument"


def check_copy():
    """Within a bucket, to another, with and without what was said of the source."""
    a, b = bucket("copy-a"), bucket("copy-b")
    body = os.urandom(200_000)
    s3.put_object(Bucket=a, Key="sp ace/ü", Body=body, ContentType="text/csv", Metadata={"k": "v"})
    source = {"Bucket": a, "Key": "sp ace/ü"}
    copied = s3.copy_object(Bucket=b, Key="new", CopySource=source)
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(body).hexdigest()}"', copied
    got = s3.get_object(Bucket=b, Key="new")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (body, "text/csv", {"k": "v"})
    s3.copy_object(Bucket=b, Key="new", CopySource=source, MetadataDirective="REPLACE", Metadata={"other": "1"})
    assert s3.head_object(Bucket=b, Key="new")["Metadata"] == {"other": "1"}
    assert code_of(s3.copy_object, Bucket=a, Key="sp ace/ü", CopySource=source) == "InvalidRequest"
    assert code_of(s3.copy_object, Bucket=b, Key="x", CopySource={"Bucket": a, "Key": "none"}) == "NoSuchKey"
    assert code_of(s3.copy_object, Bucket=b, Key="x", CopySource=source, CopySourceIfMatch='"other"') == "PreconditionFailed"


def check_conditions():
    """Compare and swap: of many writers one wins."""
    b = bucket("conditions")
    clients = [client() for _ in range(16)]

    def create(n):
        try:
            clients[n].put_object(Bucket=b, Key="lock", Body=str(n).encode(), IfNoneMatch="*")
            return n
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict"), error
            return None

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        winners = [n for n in pool.map(create, range(16)) if n is not None]
    assert len(winners) == 1, winners
    got = s3.get_object(Bucket=b, Key="lock")
    assert got["Body"].read() == str(winners[0]).encode()

    def swap(n):
        try:
            return clients[n].put_object(Bucket=b, Key="lock", Body=f"s{n}".encode(), IfMatch=got["ETag"])["ETag"]
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict"), error
            return None

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        swapped = [etag for etag in pool.map(swap, range(16)) if etag]
    assert len(swapped) == 1 and s3.head_object(Bucket=b, Key="lock")["ETag"] == swapped[0], swapped
    assert code_of(s3.put_object, Bucket=b, Key="none", Body=b"", IfMatch='"x"') == "NoSuchKey"
    assert code_of(s3.delete_object, Bucket=b, Key="lock", IfMatch='"x"') == "PreconditionFailed"

    # Without conditions all of them are done, and the last one stays whole.
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: clients[n].put_object(Bucket=b, Key="many", Body=bytes([n]) * 50_000), range(16)))
    many = s3.get_object(Bucket=b, Key="many")["Body"].read()
    assert len(many) == 50_000 and len(set(many)) == 1


def check_multipart():
    """100 MB in parts, by the transfer manager; parts by hand, listed, aborted, completed once."""
    b = bucket("multipart")
    body = os.urandom(100 * MB)
    parts = TransferConfig(multipart_threshold=8 * MB, multipart_chunksize=8 * MB, max_concurrency=8)
    s3.upload_fileobj(io.BytesIO(body), b, "big", Config=parts, ExtraArgs={"Metadata": {"a": "b"}, "ContentType": "text/csv"})
    head = s3.head_object(Bucket=b, Key="big")
    assert head["ContentLength"] == len(body) and head["ETag"].endswith('-13"'), head
    assert (head["Metadata"], head["ContentType"]) == ({"a": "b"}, "text/csv"), head
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "big")
        s3.download_file(b, "big", path, Config=parts)
        with open(path, "rb") as file:
            assert hashlib.sha256(file.read()).digest() == hashlib.sha256(body).digest()
    assert s3.get_object(Bucket=b, Key="big", PartNumber=13)["Body"].read() == body[12 * 8 * MB :]
    s3.copy({"Bucket": b, "Key": "big"}, b, "copied", Config=parts)
    assert s3.head_object(Bucket=b, Key="copied")["ETag"] == head["ETag"]

    def begin(key, **more):
        return s3.create_multipart_upload(Bucket=b, Key=key, **more)["UploadId"]

    upload = begin("hand")
    one = s3.upload_part(Bucket=b, Key="hand", UploadId=upload, PartNumber=1, Body=body[: 5 * MB])
    s3.upload_part(Bucket=b, Key="hand", UploadId=upload, PartNumber=7, Body=b"replaced")
    two = s3.upload_part(Bucket=b, Key="hand", UploadId=upload, PartNumber=7, Body=b"tail")
    listed = s3.list_parts(Bucket=b, Key="hand", UploadId=upload)["Parts"]
    assert [(p["PartNumber"], p["Size"], p["ETag"]) for p in listed] == [(1, 5 * MB, one["ETag"]), (7, 4, two["ETag"])]
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=b)["Uploads"]] == [upload]
    assert keys(Bucket=b) == ["big", "copied"], "what is not completed is not there"

    def complete(parts, upload=upload, key="hand", **more):
        return s3.complete_multipart_upload(Bucket=b, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, **more)

    first, second = {"PartNumber": 1, "ETag": one["ETag"]}, {"PartNumber": 7, "ETag": two["ETag"]}
    assert code_of(complete, parts=[second, first]) == "InvalidPartOrder"
    assert code_of(complete, parts=[first, {"PartNumber": 7, "ETag": '"0"'}]) == "InvalidPart"
    done = complete([first, second])
    digest = hashlib.md5(hashlib.md5(body[: 5 * MB]).digest() + hashlib.md5(b"tail").digest()).hexdigest()
    assert done["ETag"] == f'"{digest}-2"', done
    assert complete([first, second])["ETag"] == done["ETag"], "completing again is completing once"
    assert s3.get_object(Bucket=b, Key="hand")["Body"].read() == body[: 5 * MB] + b"tail"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=b)

    upload = begin("small")
    small = [s3.upload_part(Bucket=b, Key="small", UploadId=upload, PartNumber=n, Body=b"x")["ETag"] for n in (1, 2)]
    small = [{"PartNumber": n, "ETag": etag} for n, etag in zip((1, 2), small)]
    assert code_of(complete, parts=small, upload=upload, key="small") == "EntityTooSmall"
    s3.abort_multipart_upload(Bucket=b, Key="small", UploadId=upload)
    assert code_of(complete, parts=small[:1], upload=upload, key="small") == "NoSuchUpload"
    assert code_of(s3.upload_part, Bucket=b, Key="small", UploadId="../../x", PartNumber=1, Body=b"") == "NoSuchUpload"

    upload = begin("copy-part")
    part = s3.upload_part_copy(
        Bucket=b, Key="copy-part", UploadId=upload, PartNumber=1, CopySource={"Bucket": b, "Key": "big"}, CopySourceRange="bytes=10-19"
    )
    part = {"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}
    complete([part], upload=upload, key="copy-part")
    assert s3.get_object(Bucket=b, Key="copy-part")["Body"].read() == body[10:20]
    upload = begin("copy-part")
    one = s3.upload_part(Bucket=b, Key="copy-part", UploadId=upload, PartNumber=1, Body=b"new")["ETag"]
    parts = [{"PartNumber": 1, "ETag": one}]
    assert code_of(complete, parts=parts, upload=upload, key="copy-part", IfNoneMatch="*") == "PreconditionFailed"


def check_checksums():
    """All algorithms are computed, told and held to."""
    b, body = bucket("checksums"), os.urandom(10_000)
    for algorithm in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"):
        member = f"Checksum{algorithm}"
        try:
            put = s3.put_object(Bucket=b, Key=algorithm, Body=body, ChecksumAlgorithm=algorithm)
        except Exception as error:  # Some are computed by a package that need not be there.
            assert "crt" in str(error).lower(), error
            continue
        head = s3.head_object(Bucket=b, Key=algorithm, ChecksumMode="ENABLED")
        assert put[member] == head[member] and head["ChecksumType"] == "FULL_OBJECT", (put, head)
        assert code_of(s3.put_object, Bucket=b, Key=algorithm, Body=b"other", **{member: put[member]}) == "BadDigest"
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    assert s3.put_object(Bucket=b, Key="k", Body=body)["ChecksumCRC32"] == crc, "boto3's default"
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert code_of(s3.put_object, Bucket=b, Key="k", Body=body, ContentMD5=wrong) == "BadDigest"
    assert s3.get_object(Bucket=b, Key="k")["Body"].read() == body, "what was there stays"


def check_presigned():
    """URLs that curl can use, for as long as they say, and for nothing else."""
    b = bucket("presigned")
    signer = client(signature_version="s3v4")

    def curl(url, *arguments):
        out = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", *arguments, url], capture_output=True, check=True).stdout
        body, _, status = out.rpartition(b"\n")
        return int(status), body

    put = signer.generate_presigned_url("put_object", {"Bucket": b, "Key": "k y"}, ExpiresIn=60)
    assert curl(put, "-X", "PUT", "--data-binary", "rows")[0] == 200
    get = signer.generate_presigned_url("get_object", {"Bucket": b, "Key": "k y"}, ExpiresIn=60)
    assert curl(get) == (200, b"rows")
    assert curl(get, "-H", "Range: bytes=1-2") == (206, b"ow")
    short = signer.generate_presigned_url("get_object", {"Bucket": b, "Key": "k y"}, ExpiresIn=1)
    time.sleep(2.1)
    status, body = curl(short)
    assert status == 403 and b"expired" in body, body
    if SIGNED:
        tampered = get.replace("k%20y", "k%20z")
        assert curl(tampered)[0] == 403 and b"SignatureDoesNotMatch" in curl(tampered)[1]
        assert curl(get, "-X", "DELETE")[0] == 403
        assert curl(get.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"))[0] == 403


def check_styles():
    """Buckets in the host's name."""
    import socket

    b = bucket("virtual")
    real = socket.getaddrinfo

    def resolve(host, *rest, **more):
        name = host.decode() if isinstance(host, bytes) else host
        return real("127.0.0.1" if name.endswith(".localhost") else host, *rest, **more)

    socket.getaddrinfo = resolve
    port = URL.rsplit(":", 1)[1]
    virtual = boto3.client(
        "s3",
        endpoint_url=f"http://s3.localhost:{port}",
        region_name="us-east-1",
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "virtual"}),
    )
    virtual.put_object(Bucket=b, Key="a/b", Body=b"hi")
    assert s3.get_object(Bucket=b, Key="a/b")["Body"].read() == b"hi"
    assert [e["Key"] for e in virtual.list_objects_v2(Bucket=b)["Contents"]] == ["a/b"]
    socket.getaddrinfo = real


def check_not_offered():
    """What is not here says so by name."""
    b = bucket("not-offered")
    s3.put_object(Bucket=b, Key="k", Body=b"x")
    for call, arguments, name in [
        (s3.put_bucket_versioning, {"VersioningConfiguration": {"Status": "Enabled"}}, "PutBucketVersioning"),
        (s3.get_bucket_acl, {}, "GetBucketAcl"),
        (s3.put_bucket_policy, {"Policy": "{}"}, "PutBucketPolicy"),
        (s3.get_object_tagging, {"Key": "k"}, "GetObjectTagging"),
        (s3.list_object_versions, {}, "ListObjectVersions"),
        (s3.put_object, {"Key": "k", "Body": b"", "ACL": "public-read"}, "ACL"),
        (s3.put_object, {"Key": "k", "Body": b"", "ServerSideEncryption": "aws:kms"}, "server-side encryption"),
        (s3.put_object, {"Key": "k", "Body": b"", "StorageClass": "GLACIER"}, "storage class"),
    ]:
        try:
            call(Bucket=b, **arguments)
            raise AssertionError(f"{name} was answered")
        except ClientError as error:
            told = error.response["Error"]
            assert told["Code"] == "NotImplemented" and name in told["Message"], told


def check_cli():
    """`aws s3 cp`, `ls`, `sync`, `rm`, `mb`, `rb`."""
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": ACCESS,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": URL,
    }

    def aws(*arguments):
        command = [os.path.join(os.path.dirname(sys.executable), "aws"), "s3", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert ran.returncode == 0, f"{arguments}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    with tempfile.TemporaryDirectory() as folder:
        files = {"a.csv": b"a,b\n1,2\n", "sub/big.bin": os.urandom(20 * MB), "sub/ü x.txt": b"hi"}
        for name, body in files.items():
            path = os.path.join(folder, "in", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(body)
        aws("mb", "s3://cli-bucket")
        aws("cp", os.path.join(folder, "in", "a.csv"), "s3://cli-bucket/one.csv")
        aws("sync", os.path.join(folder, "in"), "s3://cli-bucket/in")
        assert "big.bin" in aws("ls", "--recursive", "s3://cli-bucket")
        assert "PRE in/" in aws("ls", "s3://cli-bucket")
        aws("sync", "s3://cli-bucket/in", os.path.join(folder, "out"))
        for name, body in files.items():
            with open(os.path.join(folder, "out", name), "rb") as file:
                assert file.read() == body, name
        assert aws("sync", "s3://cli-bucket/in", os.path.join(folder, "out")) == "", "nothing is copied twice"
        aws("rm", "--recursive", "s3://cli-bucket")
        aws("rb", "s3://cli-bucket")


def check_polars():
    """A Parquet file, written and read by ranges."""
    import polars

    b = bucket("polars")
    options = {
        "aws_access_key_id": ACCESS,
        "aws_secret_access_key": SECRET,
        "aws_region": "us-east-1",
        "aws_endpoint_url": URL,
        "aws_allow_http": "true",
    }
    table = polars.DataFrame({"n": range(200_000), "word": ["w"] * 200_000})
    buffer = io.BytesIO()
    table.write_parquet(buffer, row_group_size=20_000)
    s3.put_object(Bucket=b, Key="year=2026/t.parquet", Body=buffer.getvalue())
    some = polars.scan_parquet(f"s3://{b}/year=2026/t.parquet", storage_options=options)
    assert some.filter(polars.col("n") >= 199_990).select("n").collect()["n"].to_list() == list(range(199_990, 200_000))
    table.lazy().sink_parquet(f"s3://{b}/out.parquet", storage_options=options)
    assert polars.read_parquet(f"s3://{b}/out.parquet", storage_options=options).equals(table)


def check_strangers():
    """Who has no key gets nothing; a key that opens reading does not open writing."""
    if not SIGNED:
        return
    b = bucket("guarded")
    s3.put_object(Bucket=b, Key="k", Body=b"x")
    assert code_of(client(access="mst_000000000000").get_object, Bucket=b, Key="k") == "InvalidAccessKeyId"
    assert code_of(client(secret="wrong").get_object, Bucket=b, Key="k") == "SignatureDoesNotMatch"
    try:
        urllib.request.urlopen(urllib.request.Request(f"{URL}/{b}/k", headers={"Host": "s3.localhost"}))
        raise AssertionError("an unsigned request was answered")
    except urllib.error.HTTPError as error:
        assert error.code == 403 and b"AccessDenied" in error.read()
    reader = client(os.environ["READ_ID"], os.environ["READ_SECRET"])
    assert reader.get_object(Bucket=b, Key="k")["Body"].read() == b"x"
    assert code_of(reader.put_object, Bucket=b, Key="k", Body=b"") == "AccessDenied"
    assert code_of(reader.create_bucket, Bucket="more") == "AccessDenied"
    writer = client(os.environ["WRITE_ID"], os.environ["WRITE_SECRET"])
    writer.put_object(Bucket=b, Key="w", Body=b"y")
    assert code_of(writer.get_object, Bucket=b, Key="w") == "AccessDenied"
    assert code_of(writer.copy_object, Bucket=b, Key="c", CopySource={"Bucket": b, "Key": "k"}) == "AccessDenied"
    # A whole key in the place of its id opens the same, but signs no URLs: it would be in them.
    whole = client(os.environ["WHOLE_KEY"], SECRET, signature_version="s3v4")
    assert whole.get_object(Bucket=b, Key="k")["Body"].read() == b"x"
    url = whole.generate_presigned_url("get_object", {"Bucket": b, "Key": "k"})
    try:
        urllib.request.urlopen(url)
        raise AssertionError("a URL with a whole key was answered")
    except urllib.error.HTTPError as error:
        assert error.code == 403 and b"give it away" in error.read()


SIGNED = "WHOLE_KEY" in os.environ
CHECKS = {name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")}

if __name__ == "__main__":
    for name in sys.argv[4:] or CHECKS:
        begun = time.monotonic()
        CHECKS[name]()
        print(f"{name}: {time.monotonic() - begun:.1f} s", flush=True)
    print("ok")
