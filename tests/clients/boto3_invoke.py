"""Asks an endpoint with boto3's `sagemaker-runtime`, `lambda` and `s3` clients, unmodified but for `endpoint_url`.

    boto3_invoke.py URL ENDPOINT ROW [--wrong-row ROW] [--key KEY --secret SECRET] [--later]

ROW is CSV without a header, such as `1,2,3`. Every check is an assertion; the last line is `ok`.
"""

import argparse
import base64
import json

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def clients(url, key, secret):
    """A key of ours stands in the place of the access key id. Its secret access key is needed for S3 alone."""
    options = {
        "endpoint_url": url,
        "region_name": "us-east-1",
        "aws_access_key_id": key,
        "aws_secret_access_key": secret,
        "config": Config(retries={"max_attempts": 1}, read_timeout=30, s3={"addressing_style": "path"}),
    }
    return [boto3.client(service, **options) for service in ("sagemaker-runtime", "lambda", "s3")]


def code_of(call, **arguments):
    """The error that a call ends with."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error
    raise AssertionError(f"no error for {arguments}")


def check_invoke(runtime, endpoint, row):
    """Predictions come back as CSV and JSON, and say which variant gave them."""
    answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=row + "\n")
    prediction = answer["Body"].read().decode()
    assert prediction.strip(), "an empty prediction"
    assert answer["ContentType"] == "text/csv", answer
    variant = answer["InvokedProductionVariant"]
    assert variant, answer
    assert answer["ResponseMetadata"]["RequestId"], answer

    again = runtime.invoke_endpoint(EndpointName=endpoint, TargetVariant=variant, InferenceId="boto3-1", Body=row + "\n")
    assert again["InvokedProductionVariant"] == variant, again
    assert again["Body"].read().decode() == prediction, "the same row, the same version, another prediction"

    many = runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Accept="application/json", Body=(row + "\n") * 3
    )
    assert len(json.loads(many["Body"].read())["predictions"]) == 3


def check_stream(runtime, endpoint, row):
    """The frames of a stream are read, checksums and all, and add up to the answer."""
    whole = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=row + "\n")
    stream = runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=row + "\n"
    )
    parts = [event["PayloadPart"]["Bytes"] for event in stream["Body"]]
    assert b"".join(parts) == whole["Body"].read(), parts
    assert stream["ContentType"] == "text/csv", stream


def check_errors(runtime, functions, endpoint, row, wrong_row):
    """Errors are the exceptions that users catch."""
    code, error = code_of(runtime.invoke_endpoint, EndpointName="no-such-endpoint", Body=row)
    assert code == "ValidationError", code
    assert "no-such-endpoint" in error.response["Error"]["Message"], error
    code, _ = code_of(runtime.invoke_endpoint, EndpointName=endpoint, TargetVariant="no-such-variant", Body=row)
    assert code == "ValidationError", code
    if wrong_row:
        try:
            runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=wrong_row + "\n")
            raise AssertionError("a wrong row was answered")
        except runtime.exceptions.ModelError as error:
            assert error.response["OriginalStatusCode"] == 400, error.response
            assert error.response["OriginalMessage"], error.response
    try:
        functions.invoke(FunctionName="no-such-endpoint", Payload=b"{}")
        raise AssertionError("a function that is not there answered")
    except functions.exceptions.ResourceNotFoundException as error:
        assert "no-such-endpoint" in str(error), error


def check_lambda(functions, endpoint, row):
    """The endpoint as a function: by name and by ARN, with a log, as an HTTP event, without waiting."""
    values = [float(value) for value in row.split(",")]
    event = json.dumps({"instances": [values]})
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{endpoint}"
    for name, qualifier in [(endpoint, {}), (endpoint, {"Qualifier": "live"}), (arn, {}), (f"{arn}:live", {})]:
        answer = functions.invoke(FunctionName=name, Payload=event, LogType="Tail", **qualifier)
        assert answer["StatusCode"] == 200 and "FunctionError" not in answer, answer
        assert int(answer["ExecutedVersion"]) >= 1, answer
        assert len(json.loads(answer["Payload"].read())["predictions"]) == 1
        log = base64.b64decode(answer["LogResult"]).decode()
        assert "START RequestId" in log and "Duration" in log, log

    http = {
        "version": "2.0",
        "rawPath": "/",
        "headers": {"content-type": "text/csv"},
        "body": base64.b64encode((row + "\n").encode()).decode(),
        "isBase64Encoded": True,
    }
    answer = json.loads(functions.invoke(FunctionName=endpoint, Payload=json.dumps(http))["Payload"].read())
    assert answer["statusCode"] == 200 and answer["body"].strip(), answer

    assert functions.invoke(FunctionName=endpoint, InvocationType="DryRun", Payload=event)["StatusCode"] == 204
    assert functions.invoke(FunctionName=endpoint, InvocationType="Event", Payload=event)["StatusCode"] == 202

    broken = functions.invoke(FunctionName=endpoint, Payload=b'{"instances": "none"}')
    assert broken["FunctionError"] == "Unhandled", broken
    body = json.loads(broken["Payload"].read())
    assert body["errorType"] and body["errorMessage"], body


def check_later(runtime, s3, endpoint, row):
    """An object in, an object out, which is read from where the answer said it would be."""
    s3.create_bucket(Bucket="rows-for-later")
    s3.put_object(Bucket="rows-for-later", Key="in/rows.csv", Body=row + "\n")
    artifact = "s3://rows-for-later/in/rows.csv"
    answer = runtime.invoke_endpoint_async(
        EndpointName=endpoint, InputLocation=artifact, ContentType="text/csv", InferenceId="boto3-later"
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202, answer
    assert answer["InferenceId"] == "boto3-later", answer
    place = dict(zip(("Bucket", "Key"), answer["OutputLocation"].removeprefix("s3://").split("/", 1)))
    s3.get_waiter("object_exists").wait(**place, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    later = s3.get_object(**place)
    now = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=row + "\n")
    assert later["Body"].read() == now["Body"].read() and later["ContentType"] == "text/csv", later
    try:
        s3.get_object(Bucket=place["Bucket"], Key=place["Key"].replace("boto3-later", "never-asked"))
        raise AssertionError("an answer to what nobody asked")
    except s3.exceptions.NoSuchKey:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("endpoint")
    parser.add_argument("row")
    parser.add_argument("--wrong-row")
    parser.add_argument("--key", default="unused")
    parser.add_argument("--secret", default="unused")
    parser.add_argument("--later", action="store_true", help="asynchronous requests too, through a bucket")
    options = parser.parse_args()
    runtime, functions, s3 = clients(options.url, options.key, options.secret)
    check_invoke(runtime, options.endpoint, options.row)
    check_stream(runtime, options.endpoint, options.row)
    check_errors(runtime, functions, options.endpoint, options.row, options.wrong_row)
    check_lambda(functions, options.endpoint, options.row)
    if options.later:
        check_later(runtime, s3, options.endpoint, options.row)
    print("ok")


if __name__ == "__main__":
    main()
