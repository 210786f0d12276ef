//! The types of calls.

use super::{
    super::{Expr, Function, Keys, Node, Problem, Reference, Value},
    Checker, Type,
};

impl Checker<'_> {
    pub(super) fn call(&mut self, expr: &Expr, function: Function, arguments: &[Expr]) -> Type {
        let (least, most) = function.arity();
        if arguments.len() < least || arguments.len() > most {
            let wanted = match (least, most) {
                (0, 0) => "no argument".to_owned(),
                (1, 1) => "1 argument".to_owned(),
                (least, usize::MAX) => format!("at least {least} argument"),
                (least, _) => format!("{least} arguments"),
            };
            self.refuse(expr, format!("`{}` takes {wanted}, not {}", function.name(), arguments.len()));
        }
        if function.is_status() && !self.scope.has_status() {
            self.problems.push(
                Problem::new(format!("`{}()` means nothing here", function.name()), expr.span.clone())
                    .help("it can be asked in `if:` alone"),
            );
        }
        if function == Function::Group {
            return self.group(arguments);
        }
        let types: Vec<Type> = arguments.iter().map(|argument| self.expr(argument)).collect();
        let refuse = |this: &mut Self, i: usize, wanted: &str| {
            let message =
                format!("`{}` wants {wanted}, but `{}` is {}", function.name(), arguments[i], types[i]);
            this.refuse(&arguments[i], message);
        };
        let is_numbers = |t: &Type| matches!(t, Type::List(item) if item.may_be_number()) || *t == Type::Any;
        if let (Some(Type::Groups(of)), true) = (types.first(), function.is_aggregate()) {
            if !is_numbers(of) {
                refuse(self, 0, "a list of numbers");
            }
            let types: Vec<Type> = [Type::list(Type::Number)].iter().chain(&types[1..]).cloned().collect();
            return Type::Groups(Box::new(self.aggregate(function, arguments, &types)));
        }
        match function {
            Function::Min
            | Function::Max
            | Function::Sum
            | Function::Mean
            | Function::Std
            | Function::Median
            | Function::Quantile
            | Function::Count
            | Function::Sort => self.aggregate(function, arguments, &types),
            Function::Argmin | Function::Argmax if matches!(types.first(), Some(Type::Groups(_))) => {
                if matches!(types.first(), Some(Type::Groups(of)) if !of.may_be_number()) {
                    refuse(self, 0, "one number for each group, such as mean(...) of them");
                }
                Type::Any
            }
            Function::Argmin | Function::Argmax => {
                if types.first().is_some_and(|t| !is_numbers(t)) {
                    refuse(self, 0, "a list of numbers");
                }
                Type::Integer
            }
            Function::Length => {
                let has_length =
                    |t: &Type| !matches!(t, Type::Null | Type::Bool | Type::Integer | Type::Number);
                if types.first().is_some_and(|t| !has_length(t)) {
                    refuse(self, 0, "a list, a channel, an object or text");
                }
                Type::Integer
            }
            Function::Contains => {
                if types.first().is_some_and(|t| !matches!(t, Type::Any | Type::String | Type::List(_))) {
                    refuse(self, 0, "a list or text first");
                }
                Type::Bool
            }
            Function::StartsWith | Function::EndsWith => {
                (0..types.len())
                    .filter(|i| !types[*i].may_be(&Type::String))
                    .for_each(|i| refuse(self, i, "text"));
                Type::Bool
            }
            Function::Format => {
                if types.first().is_some_and(|t| !t.may_be(&Type::String)) {
                    refuse(self, 0, "text first");
                }
                (1..types.len())
                    .filter(|i| matches!(types[*i], Type::Channel(_)))
                    .for_each(|i| refuse(self, i, "values that text can hold"));
                Type::String
            }
            Function::ToJson => {
                if matches!(types.first(), Some(Type::Channel(_))) {
                    refuse(self, 0, "a value");
                }
                Type::String
            }
            Function::Group => self.group(arguments),
            Function::Success | Function::Failure | Function::Always => Type::Bool,
        }
    }

    /// A function of numbers, given as a list or one by one.
    fn aggregate(&mut self, function: Function, arguments: &[Expr], types: &[Type]) -> Type {
        let is_numbers = |t: &Type| matches!(t, Type::List(item) if item.may_be_number()) || *t == Type::Any;
        let refuse = |this: &mut Self, i: usize, wanted: &str| {
            let (name, argument) = (function.name(), &arguments[i]);
            this.refuse(argument, format!("`{name}` wants {wanted}, but `{argument}` is {}", types[i]));
        };
        match function {
            Function::Sort => {
                let sorts = |t: &Type| matches!(t, Type::List(item) if item.may_be_number() || **item == Type::String);
                if types.first().is_some_and(|t| !sorts(t) && *t != Type::Any) {
                    refuse(self, 0, "a list of numbers or of texts");
                }
                if types.get(1).is_some_and(|t| !t.may_be(&Type::String)) {
                    refuse(self, 1, "'ascending' or 'descending'");
                }
                types.first().cloned().unwrap_or(Type::Any)
            }
            Function::Quantile | Function::Count => {
                if types.first().is_some_and(|t| !is_numbers(t)) {
                    refuse(self, 0, "a list of numbers");
                }
                if types.get(1).is_some_and(|t| !t.may_be_number()) {
                    refuse(self, 1, "a share from 0 to 1");
                }
                if function == Function::Count { Type::Integer } else { Type::Number }
            }
            _ => {
                if let [only] = types {
                    if !is_numbers(only) && !only.is_number() {
                        refuse(self, 0, "a list of numbers");
                    }
                } else {
                    (0..types.len())
                        .filter(|i| !types[*i].may_be_number())
                        .for_each(|i| refuse(self, i, "numbers"));
                }
                Type::Number
            }
        }
    }

    /// `group(steps.STEP.metrics.METRIC, 'key')`
    fn group(&mut self, arguments: &[Expr]) -> Type {
        let [metric, key] = arguments else { return Type::Any };
        let none = Keys::new();
        let (reference, keys) = match &metric.node {
            Node::Reference(reference @ Reference::Metric(..)) => (reference, &none),
            Node::Select(reference @ Reference::Metric(..), keys) => (reference, keys),
            _ => {
                let problem = Problem::new(
                    format!("`group` takes the metric of a step, but this is `{metric}`"),
                    metric.span.clone(),
                );
                self.problems.push(problem.help(format!("write {}", Function::Group.usage())));
                return Type::Any;
            }
        };
        let before = self.problems.len();
        self.expr(metric);
        let Node::Literal(Value::String(name)) = &key.node else {
            self.refuse(key, format!("`group` wants the key of a matrix in quotes, but this is `{key}`"));
            return Type::Any;
        };
        if self.problems.len() == before
            && let Err((message, help)) = self.scope.groups(reference, keys, name)
        {
            self.problems.push(Problem { message, help, span: key.span.clone() });
        }
        Type::Groups(Box::new(Type::list(Type::Number)))
    }
}
