//! Traces, from outside: a server sends the spans of its requests to a collector.

use std::{thread, time::Duration};

use millstream_tests::{
    Place,
    collector::{Collector, Span},
    server::Server,
    wait_until,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A model of two functions, and one that does what its rows say.
fn place() -> Place {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("input.txt", "x\n");
    place.write("data.csv", "a,b,y\n1,2,yes\n2,1,no\n3,5,yes\n4,1,no\n5,9,yes\n6,2,no\n");
    place.write(
        "w.yaml",
        r#"
name: models
steps:
  extract: { uses: extract, inputs: { source: data.csv } }
  features: { uses: features, inputs: { table: "${{ steps.extract.outputs.table }}" }, with: { target: y, columns: { a: standard } } }
  train: { uses: decision-tree, inputs: { train: "${{ steps.features.outputs.table }}" }, with: { target: y } }
  tree: { uses: register, inputs: { model: "${{ steps.train.outputs.model }}" }, with: { name: tree } }
  fit: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: fit, state: marked } }
  marked: { uses: register, inputs: { model: "${{ steps.fit.outputs.state }}" }, with: { name: marked } }
"#,
    );
    place.run(&["run", "w.yaml"]).expect(0);
    place.run(&["deploy", "tree", "--model", "tree"]).expect(0);
    place.run(&["deploy", "marked", "--model", "marked", "--timeout", "1s", "--idle", "200ms"]).expect(0);
    place
}

fn ask(server: &Server, endpoint: &str, rows: &str, sampled: &str) -> u16 {
    let parent = format!("00-{TRACE}-{CALLER}-{sampled}");
    server.invoke_with(endpoint, rows, &[("traceparent", &parent)]).status
}

/// The spans below one, by name.
fn below<'s>(spans: &'s [Span], above: &Span, name: &str) -> Vec<&'s Span> {
    spans.iter().filter(|span| span.parent == above.id && span.name == name).collect()
}

#[test]
fn a_trace_goes_from_the_caller_into_each_function() {
    let place = place();
    let collector = Collector::start();
    let server = place.serve_with(
        &["--no-workers", "--http-threads", "1"],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url), ("OTEL_SERVICE_NAME", "churn-serving")],
    );
    assert_eq!(ask(&server, "tree", "1,2\n", "01"), 200);
    assert_eq!(ask(&server, "marked", "trap\n", "01"), 424);
    assert_eq!(ask(&server, "marked", "refuse\n", "01"), 424);
    assert_eq!(ask(&server, "tree", "1,2\n", "00"), 200, "the caller does not want this one");
    wait_until("the predictor is loaded again after a pause", Duration::from_secs(20), || {
        thread::sleep(Duration::from_millis(600));
        ask(&server, "marked", "fine\n", "01") == 200
    });
    // One predictor: who comes second waits for it.
    thread::scope(|scope| {
        let first = scope.spawn(|| ask(&server, "marked", "loop\n", "01"));
        thread::sleep(Duration::from_millis(300));
        ask(&server, "marked", "fine\n", "01");
        first.join().unwrap();
    });
    assert_eq!(server.stop(), Some(0), "what is left goes out when it has drained");

    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.service == "churn-serving"), "{spans:#?}");
    let ours: Vec<Span> = spans.into_iter().filter(|span| span.trace == TRACE).collect();
    let of = |endpoint: &str| -> Vec<Span> {
        let asked =
            |span: &&Span| span.parent == CALLER && span.attribute("millstream.endpoint.name") == endpoint;
        ours.iter().filter(asked).cloned().collect()
    };
    let [tree] = of("tree").try_into().expect("one request was sampled");
    assert_eq!(tree.name, "POST /endpoints/{name}/invocations");
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/endpoints/{name}/invocations"),
        ("http.response.status_code", "200"),
        ("url.path", "/endpoints/tree/invocations"),
        ("millstream.variant.name", "tree-1"),
        ("millstream.model.name", "tree"),
        ("millstream.model.version", "1"),
    ] {
        assert_eq!(tree.attribute(name), value, "{name}");
    }
    let predict = below(&ours, &tree, "predict")[0];
    assert_eq!(predict.attribute("millstream.model.version"), "1");
    for function in ["features", "decision-tree"] {
        let called = below(&ours, predict, &format!("function {function}"));
        assert_eq!(called.len(), 1, "{ours:#?}");
        assert_eq!(called[0].attribute("millstream.function.name"), function);
        assert!(!called[0].attribute("millstream.function.version").is_empty());
    }

    let marked = of("marked");
    let trapped = marked.iter().find(|span| span.failed).expect("a trap is an error");
    assert_eq!(trapped.attribute("error.type"), "model");
    assert_eq!(trapped.attribute("http.response.status_code"), "424");
    let refused = marked.iter().find(|span| span.attribute("error.type") == "bad-rows").unwrap();
    assert!(!refused.failed, "what the caller is at fault for is no error of the server's");

    let cold = marked.iter().find(|span| span.attribute("faas.coldstart") == "true").expect("a cold start");
    let predict = below(&ours, cold, "predict")[0];
    let load = below(&ours, predict, "load")[0];
    let function = below(&ours, load, "load function")[0];
    assert_eq!(function.attribute("millstream.function.name"), "faulty");
    // Deploying has left a copy of its memory, where the system lets it.
    let steps: &[&str] = match cfg!(target_os = "linux") {
        true => &["map code", "resume"],
        false => &["map code", "read state", "load state"],
    };
    for step in steps {
        assert_eq!(below(&ours, function, step).len(), 1, "{step}: {ours:#?}");
    }

    let waited = ours.iter().filter(|span| span.name == "queue").count();
    assert!(waited >= 1, "{ours:#?}");
}

#[test]
fn a_collector_that_is_not_there_harms_nobody() {
    let place = place();
    // Nobody listens on port 9 of this machine.
    let server =
        place.serve_with(&["--no-workers"], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")]);
    assert_eq!(ask(&server, "tree", "1,2\n", "01"), 200);
    assert_eq!(server.stop(), Some(0));
    let wrong = place
        .command(&["serve", "--port", "0"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "no address")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{}", String::from_utf8_lossy(&wrong.stderr));
}
