//! How the table of routes becomes code: one enum, and functions that match over all of it.

/// Makes [`Route`](super::Route), [`ROUTES`](super::ROUTES) and [`dispatch`](super::dispatch) from the rows of a table. A row
/// without one of its members does not compile, and neither do two rows with one path and method.
///
/// The rows are matched in order, segment by segment: nothing is allocated, and a handler's future is boxed only where its row
/// says so.
macro_rules! routes {
    ($(
        $route:ident: $($verb:ident)|+ [$(/ $($literal:literal)? $({$name:ident})?)+] {
            scope: $scope:expr,
            endpoint: $endpoint:expr,
            errors: $errors:expr,
            traced: $traced:expr,
            handler: |$call:ident| $handler:expr,
            openapi: $operation:expr,
        }
    )+) => {
        /// A route with the names in its path, percent-encoded as they came.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Route<'a> {
            $(
                #[doc = concat!("`", $("/", $($literal,)? $("{", stringify!($name), "}",)?)+ "`")]
                $route { $($($name: &'a str,)?)+ },
            )+
            /// None of the table's.
            Other,
        }

        /// The table, for lists and documents.
        pub static ROUTES: &[Row] = &[$(
            Row {
                name: stringify!($route),
                verbs: &[$(Verb::$verb),+],
                path: concat!($("/", $($literal,)? $("{", stringify!($name), "}",)?)+),
                names: &[$($(stringify!($name),)?)+],
                scope: $scope,
                errors: $errors,
                operation: &$operation,
            },
        )+];

        impl<'a> Route<'a> {
            /// By method and the segments of the path.
            pub(super) fn find(verb: Verb, segments: &[&'a str]) -> Self {
                match (verb, segments) {
                    $(($(Verb::$verb)|+, [$($($literal)? $($name)?),+]) => Self::$route { $($($name,)?)+ },)+
                    _ => Self::Other,
                }
            }

            /// What a key must open for this route.
            pub fn scope(&self) -> Access {
                match self {
                    $(Self::$route { .. } => $scope,)+
                    Self::Other => Access::Key(Scope::Invoke),
                }
            }

            /// The endpoint that it is about, percent-encoded as it came.
            #[allow(unused_variables, reason = "a row names all that is in its path, and uses what it needs")]
            pub fn endpoint(&self) -> Option<&'a str> {
                match *self {
                    $(Self::$route { $($($name,)?)+ } => $endpoint,)+
                    Self::Other => None,
                }
            }

            /// How errors look on this route.
            pub fn shape(&self) -> Shape {
                match self {
                    $(Self::$route { .. } => $errors,)+
                    Self::Other => Shape::Problem,
                }
            }

            /// The path as it is documented, of routes that leave traces.
            pub fn traced(&self) -> Option<&'static str> {
                match self {
                    $(Self::$route { .. } => $traced.then_some(
                        concat!($("/", $($literal,)? $("{", stringify!($name), "}",)?)+)
                    ),)+
                    Self::Other => None,
                }
            }
        }

        /// Has the route's handler answer.
        pub async fn dispatch<B: Backend>(call: Call<'_, B>, route: Route<'_>) -> Result<Reply, Fault> {
            match route {
                $(Route::$route { $($($name,)?)+ } => {
                    let $call = call;
                    $handler
                })+
                Route::Other => {
                    let path = call.parts.uri.path();
                    Err(Fault::new(Kind::NoSuchRoute, format!("there is nothing at {path}; GET / lists what there is")))
                }
            }
        }
    };
}

pub(super) use routes;
