//! Properties of `${{ }}` and of the YAML reader: nothing makes them panic, and what is printed reads back.

use millstream_language::{
    expr::{
        EvalError, Expr, Function, KeyValues, Node, Operator, Reference, Template, Value, Values, eval, parse,
    },
    yaml,
};
use proptest::prelude::*;

fn leaf() -> impl Strategy<Value = Node> {
    let name = "[a-z][a-z0-9_-]{0,6}|[ -~]{0,8}";
    prop_oneof![
        Just(Node::Literal(Value::Null)),
        any::<bool>().prop_map(|x| Node::Literal(Value::Bool(x))),
        (0..=u64::MAX).prop_map(|x| Node::Literal(Value::Integer(x.into()))),
        (0.0..f64::MAX).prop_map(|x| Node::Literal(Value::Number(x))),
        "\\PC{0,8}".prop_map(|x| Node::Literal(Value::String(x))),
        name.prop_map(|x| Node::Reference(Reference::Param(x))),
        name.prop_map(|x| Node::Reference(Reference::Matrix(x))),
        (name, name).prop_map(|(x, y)| Node::Reference(Reference::Output(x, y))),
        (name, name).prop_map(|(x, y)| Node::Reference(Reference::Metric(x, y))),
        Just(Node::Reference(Reference::Item)),
        Just(Node::Reference(Reference::RunId)),
        Just(Node::Reference(Reference::Event)),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    use Operator::*;
    let operators =
        [Or, And, Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, Add, Subtract, Multiply, Divide];
    let at = |node| Expr { node, span: 0..0 };
    let name = "[a-z][a-z0-9_-]{0,6}|[ -~]{0,8}";
    leaf().prop_map(at).prop_recursive(5, 40, 3, move |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            (proptest::sample::select(operators.to_vec()), boxed.clone(), boxed.clone())
                .prop_map(|(operator, x, y)| Node::Binary(operator, x, y)),
            (
                name,
                name,
                prop::collection::btree_map(
                    "[a-z][a-z0-9_-]{0,6}|[ -~]{0,8}",
                    prop::option::of(inner.clone()),
                    1..3
                )
            )
                .prop_map(|(x, y, keys)| Node::Select(Reference::Metric(x, y), keys.into_iter().collect())),
            boxed.clone().prop_map(Node::Not),
            boxed.clone().prop_map(Node::Negate),
            (boxed.clone(), boxed).prop_map(|(x, y)| Node::Index(x, y)),
            (proptest::sample::select(Function::ALL.to_vec()), proptest::collection::vec(inner, 0..3))
                .prop_map(|(function, arguments)| Node::Call(function, arguments)),
        ]
        .prop_map(at)
    })
}

struct Some3;

impl Values for Some3 {
    fn reference(&self, reference: &Reference, _: &KeyValues) -> Result<Value, EvalError> {
        Ok(match reference {
            Reference::Param(_) => Value::Integer(3),
            Reference::Metric(..) => Value::List([0.5, f64::NAN, 0.9, 0.9].map(Value::Number).to_vec()),
            _ => Value::String("text".to_owned()),
        })
    }

    fn combinations(
        &self,
        _: &Reference,
        _: &KeyValues,
        key: &str,
    ) -> Result<Vec<serde_json::Value>, EvalError> {
        Ok(match key {
            "k" => [1.into(), 2.into(), 1.0.into(), 2.into()].into(),
            _ => ["b".into(), "a".into(), "b".into(), "c".into()].into(),
        })
    }

    fn status(&self, function: Function) -> Result<bool, EvalError> {
        Ok(function != Function::Failure)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_back(expr in expr()) {
        let text = expr.to_string();
        prop_assert_eq!(parse(&text), Ok(expr), "{}", text);
    }

    #[test]
    fn nothing_makes_the_parser_panic(text in "\\PC{0,60}", words in "(params|steps|item|steps\\.a\\[b=|[.,()'<>=!&|+*/ 0-9e\\[\\]-]|\\$\\{\\{|\\}\\}|max){0,30}") {
        for text in [text, words] {
            if let Ok(expr) = parse(&text) {
                let _ = eval(&expr, &Some3);
            }
            let _ = Template::parse(&text);
            let _ = Template::condition(&text);
        }
    }

    #[test]
    fn nothing_makes_the_reader_panic(text in "\\PC{0,60}", words in "([a-c:&*!|>{}\\[\\], \n'\"#%-]|: |- |\n  ){0,60}") {
        for text in [text, words] {
            let _ = yaml::load(&text);
        }
    }
}

fn value(text: &str) -> Value {
    eval(&parse(text).unwrap(), &Some3).unwrap()
}

#[test]
fn means_what_it_says() {
    assert_eq!(value("1 + 2 * 3 - 4"), Value::Integer(3));
    assert_eq!(value("7 / 2"), Value::Number(3.5));
    assert_eq!(value("-(1 - 3) == 2 && !(1 > 2)"), Value::Bool(true));
    assert_eq!(value("9223372036854775807 + 1"), Value::Integer(9_223_372_036_854_775_808));
    assert_eq!(value("18446744073709551615 - 1"), Value::Integer(18_446_744_073_709_551_614));
    assert_eq!(value("8 / 2"), Value::Integer(4));
    assert_eq!(value("18446744073709551614 / 2"), Value::Integer(9_223_372_036_854_775_807));
    assert_eq!(value("9007199254740993 > 9007199254740992.0"), Value::Bool(true));
    assert_eq!(value("9007199254740993 == 9007199254740992.0"), Value::Bool(false));
    assert_eq!(value("18446744073709551615 > 18446744073709551614"), Value::Bool(true));
    assert_eq!(value("max(9007199254740993, 9007199254740992)"), Value::Integer(9_007_199_254_740_993));
    assert_eq!(value("-9223372036854775808"), Value::Integer(i64::MIN.into()));
    for (text, shown) in [
        ("format('n{0}', 9223372036854775808)", "n9223372036854775808"),
        ("format('n{0}', 1e3)", "n1000"),
        ("format('n{0}', 5.0)", "n5"),
        ("format('n{0}', 0.5)", "n0.5"),
        ("format('n{0}', -0.0)", "n0"),
        ("toJSON(6.0)", "6"),
    ] {
        assert_eq!(value(text), Value::String(shown.to_owned()), "{text}");
    }
    assert_eq!(value("argmax(steps.a.metrics.b)"), Value::Integer(2));
    assert_eq!(value("argmin(steps.a.metrics['x:y'])"), Value::Integer(0));
    assert_eq!(value("max(steps.a.metrics.b)"), Value::Number(0.9));
    // [0.5, NaN, 0.9, 0.9], and what Python's `statistics` gives for 1, 2, 4, 8.
    assert_eq!(value("count(steps.a.metrics.b)"), Value::Integer(3));
    assert_eq!(value("median(steps.a.metrics.b)"), Value::Number(0.9));
    assert_eq!(value("sum(1, 2, 4, 8)"), Value::Integer(15));
    assert_eq!(value("sum(1, 2.5)"), Value::Number(3.5));
    assert_eq!(value("mean(1, 2, 4, 8)"), Value::Number(3.75));
    assert_eq!(value("median(8, 1, 4, 2)"), Value::Number(3.0));
    assert_eq!(value("std(1, 2, 4, 8)"), Value::Number(3.095_695_936_834_452));
    assert_eq!(value("quantile(steps.a.metrics.b, 0.25)"), Value::Number(0.7));
    assert_eq!(value("quantile(steps.a.metrics.b, 1)"), Value::Number(0.9));
    let sorted = [0.9, 0.9, 0.5].map(Value::Number).to_vec();
    assert_eq!(value("sort(steps.a.metrics.b, 'descending')"), Value::List(sorted));
    assert_eq!(value("sort(steps.a.metrics.b)[0]"), Value::Number(0.5));
    // Groups: b has 0.5 and 0.9, a NaN alone, c 0.9; of k, 1 has 0.5 and 0.9, 2 NaN and 0.9.
    assert_eq!(value("mean(group(steps.a.metrics.b, 'k'))[1]"), Value::Number(0.7));
    assert_eq!(value("argmax(mean(group(steps.a.metrics.b, 'k')))"), Value::Integer(2));
    assert_eq!(value("argmin(count(group(steps.a.metrics.b, 'z')))"), Value::String("a".to_owned()));
    assert_eq!(value("max(group(steps.a.metrics.b, 'z')['b'])"), Value::Number(0.9));
    assert_eq!(value("length(group(steps.a.metrics.b, 'z'))"), Value::Integer(3));
    assert_eq!(
        value("toJSON(count(group(steps.a.metrics.b, 'k')))"),
        Value::String("{\"1\":2,\"2\":1}".to_owned())
    );
    assert_eq!(value("steps.a.metrics.b[params.n - 1]"), Value::Number(0.9));
    assert_eq!(value("min(4, 2.5, 3)"), Value::Number(2.5));
    assert_eq!(value("length('é''')"), Value::Integer(2));
    assert_eq!(
        value("contains('abc', 'b') && startsWith('abc', 'a') && endsWith('abc', 'bc')"),
        Value::Bool(true)
    );
    assert_eq!(value("format('{0}-{1} {{}}', params.n, 'x')"), Value::String("3-x {}".to_owned()));
    assert_eq!(value("toJSON('a')"), Value::String("\"a\"".to_owned()));
    assert_eq!(value("true || 1 / 0 == 1"), Value::Bool(true), "the right side is left out");
    assert_eq!(value("'B' < 'a'"), Value::Bool(true));
    assert_eq!(
        Template::parse("n=${{ params.n }}.").unwrap().eval(&Some3),
        Ok(Value::String("n=3.".to_owned()))
    );
    assert_eq!(Template::parse("${{ params.n }}").unwrap().eval(&Some3), Ok(Value::Integer(3)));
    assert_eq!(
        Template::parse("${{ '}}' }}").unwrap().eval(&Some3),
        Ok(Value::String("}}".to_owned())),
        "braces in quotes do not close"
    );
    for wrong in ["18446744073709551615 + 1", "-18446744073709551615", "9223372036854775808 * 2"] {
        let Err(EvalError::Failed(message)) = eval(&parse(wrong).unwrap(), &Some3) else { panic!("{wrong}") };
        assert!(message.contains("out of range") && message.contains(wrong), "{message}");
    }
    for wrong in [
        "mean(group(steps.a.metrics.b, 'z'))",
        "group(steps.a.metrics.b, 'z')['d']",
        "quantile(steps.a.metrics.b, 1.5)",
        "sort(steps.a.metrics.b, 'up')",
        "mean('a')",
        "std(5)",
        "1 / 0",
        "steps.a.metrics.b[4]",
        "steps.a.metrics.b[-1]",
        "format('{2}', 1)",
        "!1",
        "-'a'",
    ] {
        assert!(matches!(eval(&parse(wrong).unwrap(), &Some3), Err(EvalError::Failed(_))), "{wrong}");
    }
    for wrong in ["18446744073709551616", "9007199254740993.0", "1e400"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
    for (wrong, said) in [
        ("a = 1", "means nothing"),
        ("params.a = 1", "to compare, write =="),
        ("steps.a[0].outputs.b", "key by key"),
        ("steps.a[].outputs.b", "key by key"),
        ("steps.a[x=1, x=2].outputs.b", "given twice"),
        ("steps.a[x=].outputs.b", "a value is missing"),
        ("steps.a[x=1.outputs.b", "missing here"),
    ] {
        let problem = parse(wrong).unwrap_err();
        let text = format!("{} {}", problem.message, problem.help.unwrap_or_default());
        assert!(text.contains(said), "{wrong}: {text}");
    }
    assert!(parse(&"(".repeat(10_000)).is_err());
    assert!(parse(&vec!["1"; 10_000].join("+")).is_err());
}
