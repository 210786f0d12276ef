//! Tensors out: one for each column of the predictions.

use std::borrow::Cow;

use bytes::Bytes;
use indexmap::IndexMap;
use millstream_endpoint::Answer;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::request::Request;
use crate::{
    backend::{Column, Datatype, Signature},
    fault::{Fault, Kind},
};

const NULL: &str = "null";

#[derive(Deserialize)]
struct Predictions<'a> {
    #[serde(borrow)]
    predictions: Vec<&'a RawValue>,
}

#[derive(Serialize)]
struct Response<'a> {
    model_name: &'a str,
    model_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<Tensor<'a>>,
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    datatype: Datatype,
    shape: Vec<usize>,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Raw(Vec<&'a RawValue>),
    Text([&'a str; 1]),
}

/// A model's answer as the protocol has it. Numbers stay as the model wrote them. Where there are no rows, `signature` says which
/// columns an answer has.
pub fn write<'s>(
    endpoint: &str,
    request: &Request<'_>,
    answer: &'s Answer,
    signature: Option<&'s Signature>,
) -> Result<Bytes, Fault> {
    let parsed: Option<Predictions> = serde_json::from_slice(&answer.body).ok();
    let columns = match &parsed {
        Some(Predictions { predictions }) => columns(predictions)?,
        None => IndexMap::new(),
    };
    let mut outputs: Vec<Tensor> = columns.iter().map(|(name, values)| tensor(name, values)).collect();
    if parsed.is_none() {
        // A function of somebody's that answers in a form of its own.
        let text = std::str::from_utf8(&answer.body)
            .map_err(|_| broken(answer, "neither predictions in JSON nor text"))?;
        let data = Data::Text([text]);
        outputs.push(Tensor { name: "predictions", datatype: Datatype::Bytes, shape: vec![1], data });
    }
    if outputs.is_empty() && parsed.is_some() {
        // Of no rows the columns are not seen in the answer; the model has said them.
        let empty = |column: &'s Column| Tensor {
            name: &column.name,
            datatype: column.datatype,
            shape: vec![0],
            data: Data::Raw(Vec::new()),
        };
        outputs = signature.into_iter().flat_map(|signature| &signature.outputs).map(empty).collect();
    }
    if !request.wanted().is_empty() {
        outputs = select(outputs, request)?;
    }
    let response = Response {
        model_name: endpoint,
        model_version: answer.version.to_string(),
        id: request.id.as_deref(),
        outputs,
    };
    serde_json::to_vec(&response).map(Bytes::from).map_err(|error| broken(answer, &error.to_string()))
}

fn broken(answer: &Answer, what: &str) -> Fault {
    let Answer { model, version, variant, .. } = answer;
    let message = format!("model {model} version {version} answered {what}");
    Fault::new(Kind::Model, message).variant(variant.clone())
}

fn select<'a>(outputs: Vec<Tensor<'a>>, request: &Request<'_>) -> Result<Vec<Tensor<'a>>, Fault> {
    for wanted in request.wanted() {
        if !outputs.iter().any(|output| output.name == wanted.name) {
            let names: Vec<&str> = outputs.iter().map(|output| output.name).collect();
            return Err(Fault::new(
                Kind::BadRequest,
                format!("the model gives no `{}`; it gives {}", wanted.name, names.join(", ")),
            )
            .parameter("outputs"));
        }
    }
    let wanted = |output: &Tensor<'_>| request.wanted().iter().any(|wanted| wanted.name == output.name);
    Ok(outputs.into_iter().filter(wanted).collect())
}

/// Values by column; one that a row lacks is null.
fn columns<'a>(rows: &[&'a RawValue]) -> Result<IndexMap<Cow<'a, str>, Vec<&'a RawValue>>, Fault> {
    let mut columns: IndexMap<Cow<'a, str>, Vec<&'a RawValue>> = IndexMap::new();
    for (index, row) in rows.iter().enumerate() {
        if row.get().starts_with('{') {
            let object: IndexMap<Cow<'a, str>, &'a RawValue> = serde_json::from_str(row.get())
                .map_err(|error| Fault::new(Kind::Model, format!("the answer is not sound: {error}")))?;
            for (name, value) in object {
                let column = columns.entry(name).or_default();
                column.resize(index, RawValue::NULL);
                column.push(value);
            }
        } else {
            let column = columns.entry(Cow::Borrowed("predictions")).or_default();
            column.resize(index, RawValue::NULL);
            column.push(row);
        }
    }
    for column in columns.values_mut() {
        column.resize(rows.len(), RawValue::NULL);
    }
    Ok(columns)
}

fn tensor<'a>(name: &'a str, values: &[&'a RawValue]) -> Tensor<'a> {
    let mut shape = vec![values.len()];
    let lists: Option<Vec<Vec<&'a RawValue>>> = values
        .iter()
        .map(|value| if value.get().starts_with('[') { serde_json::from_str(value.get()).ok() } else { None })
        .collect();
    let flat = match lists {
        // Lists of one length, such as probabilities, are a second dimension.
        Some(lists) if !lists.is_empty() && lists.iter().all(|list| list.len() == lists[0].len()) => {
            shape.push(lists[0].len());
            lists.into_iter().flatten().collect()
        }
        _ => values.to_vec(),
    };
    Tensor { name, datatype: datatype(&flat), shape, data: Data::Raw(flat) }
}

fn datatype(values: &[&RawValue]) -> Datatype {
    let mut known = values.iter().map(|value| value.get()).filter(|value| *value != NULL).peekable();
    if known.peek().is_none() {
        return Datatype::Fp64;
    }
    let mut datatype = None;
    for value in known {
        let this = match value.as_bytes()[0] {
            b't' | b'f' => Datatype::Bool,
            b'"' | b'{' | b'[' => Datatype::Bytes,
            _ if value.contains(['.', 'e', 'E']) => Datatype::Fp64,
            _ => Datatype::Int64,
        };
        datatype = Some(match (datatype, this) {
            (None, this) => this,
            (Some(before), this) if before == this => this,
            (Some(Datatype::Int64), Datatype::Fp64) | (Some(Datatype::Fp64), Datatype::Int64) => {
                Datatype::Fp64
            }
            _ => Datatype::Bytes,
        });
    }
    datatype.unwrap_or(Datatype::Fp64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::{super::request, *};

    fn signature() -> Signature {
        let column = |name: &str, datatype| Column { name: name.into(), datatype };
        Signature {
            model: "churn".into(),
            version: 3,
            versions: vec![3],
            inputs: Vec::new(),
            outputs: vec![column("label", Datatype::Bytes), column("score", Datatype::Fp64)],
        }
    }

    fn written(wanted: &str, body: &'static str) -> Result<Value, Fault> {
        let document = format!(r#"{{"id": "7", "inputs": [], "outputs": {wanted}}}"#);
        let request = request::parse(document.as_bytes())?;
        let answer = Answer {
            content_type: "application/json".into(),
            body: Bytes::from(body),
            variant: "a".into(),
            model: "churn".into(),
            version: 3,
            cold: false,
            model_time: Duration::ZERO,
        };
        write("churn", &request, &answer, Some(&signature()))
            .map(|body| serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn predictions_become_a_tensor_for_each_column() {
        let answer = written(
            "[]",
            r#"{"predictions":[{"label":"yes","score":0.5,"rank":1},{"label":"no","score":null,"rank":2}]}"#,
        )
        .unwrap();
        assert_eq!(
            answer,
            json!({"model_name": "churn", "model_version": "3", "id": "7", "outputs": [
                {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["yes", "no"]},
                {"name": "score", "datatype": "FP64", "shape": [2], "data": [0.5, null]},
                {"name": "rank", "datatype": "INT64", "shape": [2], "data": [1, 2]},
            ]})
        );
    }

    #[test]
    fn bare_values_lists_and_other_answers_are_tensors_too() {
        let outputs = |body| written("[]", body).unwrap()["outputs"].clone();
        assert_eq!(
            outputs(r#"{"predictions":[1, 2.5]}"#),
            json!([{"name": "predictions", "datatype": "FP64", "shape": [2], "data": [1, 2.5]}])
        );
        assert_eq!(
            outputs(r#"{"predictions":[{"p":[0.1,0.9]},{"p":[0.2,0.8]}]}"#),
            json!([{"name": "p", "datatype": "FP64", "shape": [2, 2], "data": [0.1, 0.9, 0.2, 0.8]}])
        );
        assert_eq!(
            outputs("hello"),
            json!([{"name": "predictions", "datatype": "BYTES", "shape": [1], "data": ["hello"]}])
        );
        // Of no rows.
        let empty = |name: &str, datatype: &str| json!({"name": name, "datatype": datatype, "shape": [0], "data": []});
        assert_eq!(
            outputs(r#"{"predictions":[]}"#),
            json!([empty("label", "BYTES"), empty("score", "FP64")])
        );
        let wanted = written(r#"[{"name": "score"}]"#, r#"{"predictions":[]}"#).unwrap();
        assert_eq!(wanted["outputs"], json!([empty("score", "FP64")]));
        let fault = written(r#"[{"name": "scores"}]"#, r#"{"predictions":[]}"#).unwrap_err();
        assert!(fault.message.contains("it gives label, score"), "{}", fault.message);
    }

    #[test]
    fn only_what_is_wanted_comes_back() {
        let body = r#"{"predictions":[{"label":true,"score":0.5}]}"#;
        let answer = written(r#"[{"name": "label"}]"#, body).unwrap();
        assert_eq!(
            answer["outputs"],
            json!([{"name": "label", "datatype": "BOOL", "shape": [1], "data": [true]}])
        );
        let fault = written(r#"[{"name": "lable"}]"#, body).unwrap_err();
        assert!(fault.message.contains("it gives label, score"), "{}", fault.message);
    }
}
