//! The Open Inference Protocol.

mod common;

use common::start;
use serde_json::json;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[test]
fn tensors_go_in_and_come_out() {
    let server = start();
    let request = json!({
        "id": "42",
        "inputs": [
            {"name": "age", "shape": [1], "datatype": "INT64", "data": [31]},
            {"name": "plan", "shape": [1], "datatype": "BYTES", "data": ["basic"]},
        ],
    });
    let answer = server.post("/v2/models/churn/infer", JSON, &request.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({
            "model_name": "churn", "model_version": "3", "id": "42",
            "outputs": [
                {"name": "prediction", "datatype": "BYTES", "shape": [1], "data": ["yes"]},
                {"name": "probability", "datatype": "FP64", "shape": [1], "data": [0.75]},
            ],
        })
    );
    let seen = server.fake.seen();
    assert_eq!(seen.content_type, "text/csv; header=present");
    assert_eq!(seen.body, "\"age\",\"plan\"\n31,\"basic\"\n");
    assert_eq!(seen.inference_id.as_deref(), Some("42"));
}

#[test]
fn a_version_in_the_path_picks_the_variant() {
    let server = start();
    let request =
        json!({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}).to_string();
    assert_eq!(server.post("/v2/models/churn/versions/4/infer", JSON, &request).status, 200);
    assert_eq!(server.fake.seen().variant.as_deref(), Some("canary"));
    assert_eq!(server.fake.seen().body, "1,2\n");
    let answer = server.post("/v2/models/churn/versions/7/infer", JSON, &request);
    assert_eq!((answer.status, answer.json()["error"].is_string()), (404, true));
}

#[test]
fn metadata_names_columns_and_types() {
    let server = start();
    let answer = server.get("/v2/models/churn");
    assert_eq!(
        answer.json(),
        json!({
            "name": "churn", "versions": ["3", "4"], "platform": "millstream",
            "inputs": [
                {"name": "age", "datatype": "INT64", "shape": [-1]},
                {"name": "plan", "datatype": "BYTES", "shape": [-1]},
            ],
            "outputs": [
                {"name": "prediction", "datatype": "BYTES", "shape": [-1]},
                {"name": "probability", "datatype": "FP64", "shape": [-1]},
            ],
            "parameters": {"model": "churn", "version": 3},
        })
    );
    assert_eq!(server.get("/v2/models/churn/versions/3").status, 200);
    assert_eq!(server.get("/v2/models/nobody").status, 404);
    assert_eq!(server.get("/v2").json()["name"], "millstream");
}

#[test]
fn health_is_told_of_the_server_and_of_models() {
    let server = start();
    for path in
        ["/v2/health/live", "/v2/health/ready", "/v2/models/churn/ready", "/v2/models/churn/versions/3/ready"]
    {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    assert_eq!(server.get("/v2/models/nobody/ready").status, 404);
}

#[test]
fn what_is_not_spoken_is_refused_clearly() {
    let server = start();
    let path = "/v2/models/churn/infer";
    let binary = server.post(path, &[("inference-header-content-length", "10")], "{}        ");
    assert_eq!(binary.status, 415);
    assert!(binary.json()["error"].as_str().unwrap().contains("binary extension"));
    let wanted = json!({"inputs": [], "parameters": {"binary_data_output": true}}).to_string();
    assert_eq!(server.post(path, JSON, &wanted).status, 400);
    assert_eq!(server.post(path, &[("content-type", "text/csv")], "1,2\n").status, 415);
    for garbage in ["", "{", "[]", "\u{0}\u{1}", r#"{"inputs": 7}"#] {
        let answer = server.post(path, JSON, garbage);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (400, "application/problem+json"),
            "{garbage}"
        );
    }
    let misshapen =
        json!({"inputs": [{"name": "age", "shape": [2], "datatype": "FP64", "data": [1]}]}).to_string();
    let answer = server.post(path, JSON, &misshapen);
    assert_eq!((answer.status, answer.json()["parameter"].as_str()), (400, Some("age")));
    assert_eq!(server.fake.asked(), 0);
}

#[test]
fn no_rows_have_the_columns_of_some() {
    let server = start();
    let path = "/v2/models/none/infer";
    let request = |outputs: &str| {
        format!(r#"{{"inputs":[{{"name":"x","shape":[0,2],"datatype":"FP64","data":[]}}]{outputs}}}"#)
    };
    let answer = server.post(path, JSON, &request(""));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let empty =
        |name: &str, datatype: &str| json!({"name": name, "datatype": datatype, "shape": [0], "data": []});
    let (prediction, probability) = (empty("prediction", "BYTES"), empty("probability", "FP64"));
    assert_eq!(answer.json()["outputs"], json!([prediction, probability]));
    for nothing_said in [r#", "outputs": null"#, r#", "outputs": []"#] {
        assert_eq!(server.post(path, JSON, &request(nothing_said)).json(), answer.json(), "{nothing_said}");
    }
    let one = server.post(path, JSON, &request(r#", "outputs": [{"name": "probability"}]"#));
    assert_eq!(one.json()["outputs"], json!([probability]));
    let wrong = server.post(path, JSON, &request(r#", "outputs": [{"name": "propability"}]"#));
    assert_eq!((wrong.status, wrong.json()["parameter"].as_str()), (400, Some("outputs")));
    for (shape, data) in [("[2, 0]", "[]"), ("[0, 0]", "[]"), ("[0, 3]", "[]"), ("[2, 0]", "[[], []]")] {
        let body = json!({"inputs": [{"name": "x", "shape": serde_json::from_str::<serde_json::Value>(shape).unwrap(),
            "datatype": "FP64", "data": serde_json::from_str::<serde_json::Value>(data).unwrap()}]});
        let answer = server.post(path, JSON, &body.to_string());
        assert_eq!(answer.status, 400, "{shape}: {}", answer.text());
    }
}
