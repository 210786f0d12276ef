//! Gaussian mixture: rows as draws from a few normal distributions.

use arrow_array::RecordBatch;
use millstream_learners::Check;
use millstream_learners::gaussian_mixture::{self, CovarianceType, GaussianMixture};
use millstream_learners::metrics::most_probable;
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Model, Output, State, Summary,
    Task,
};
use millstream_training::columns::ClusterColumns;
use millstream_training::unlabelled::LoadedUnlabelled;
use millstream_training::{answer, blame, labelled};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const NAME: &str = "gaussian-mixture";

/// The training job.
pub struct Train;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: ClusterColumns,
    #[serde(flatten)]
    mixture: gaussian_mixture::Params,
    /// The seed of the starts; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
    /// Whether to put out the rows with the likeliest component of each, as `cluster`, in the output `table`.
    #[serde(default)]
    labels: bool,
}

#[derive(Serialize)]
struct Component {
    component: usize,
    weight: f64,
    mean: Vec<f64>,
    /// A row a feature; the variance of each feature for `diag` and `spherical`.
    #[serde(skip_serializing_if = "Option::is_none")]
    covariance: Option<Covariance>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Covariance {
    Matrix(Vec<Vec<f64>>),
    Variances(Vec<f64>),
}

impl Covariance {
    /// `None` of so many features that nobody would read it.
    fn of(model: &GaussianMixture, component: usize) -> Option<Self> {
        const MOST_FEATURES: usize = 100;
        let width = model.width();
        if width > MOST_FEATURES {
            return None;
        }
        let covariance = model.covariance(component);
        Some(match model.kind() {
            CovarianceType::Full | CovarianceType::Tied => {
                Self::Matrix(covariance.chunks_exact(width).map(<[f64]>::to_vec).collect())
            }
            CovarianceType::Diag | CovarianceType::Spherical => Self::Variances(covariance),
        })
    }
}

#[derive(Serialize)]
struct Report {
    features: Vec<String>,
    aic: f64,
    bic: f64,
    components: Vec<Component>,
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "Groups rows by the normal distributions they may come from.")
            .description(
                "A mixture of normal distributions, fitted by expectation and maximisation, as scikit-learn's \
                 `GaussianMixture`. Rows belong to components by shares. Compare `bic` to choose how many components.",
            )
            .channel(Channel::required("train", Kind::Table, "Rows to cluster: numeric features."))
            .output(Output::model("model", "The distributions.").follows("train"))
            .output(
                Output::table("table", "The rows with their `cluster`, if `labels` asks for it.").follows("train").optional(),
            )
            .output(Output::report("components", "application/json", "Each component's share, mean and covariance (up to 100 features); AIC and BIC."))
            .metric("train:log_likelihood", Direction::Maximize, "mean log likelihood of a row")
            .metric("train:aic", Direction::Minimize, "Akaike's information criterion")
            .metric("train:bic", Direction::Minimize, "Bayesian information criterion")
            .metric("iterations", Direction::Neither, "steps of the start that was kept")
            .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let (table, rows) = params.columns.rows(context)?;
        let seed = params.seed.unwrap_or_else(|| context.seed());
        let kernel = gaussian_mixture::Params { seed, ..params.mixture };
        let kernel = kernel.check().map_err(blame::parameter)?;
        let x = rows.columns()?;
        let most = u64::from(kernel.max_iter);
        let mut on_step = |step: &gaussian_mixture::Step| {
            let number = u64::from(step.start) * most + u64::from(step.index);
            context.metric("train:log_likelihood", step.log_likelihood, number);
            context.progress(number + 1, Some(u64::from(kernel.n_init) * most));
        };
        let model = context
            .phase("fit", || kernel.fit(&x, rows.weights(), &mut on_step))
            .map_err(|error| rows.blame(error))?;
        if !model.converged() {
            context.warn(format!(
                "the likelihood still rose after {} steps: raise max_iter or tol",
                model.iterations()
            ));
        }
        let (aic, bic) = model.criteria(&x).map_err(|error| rows.blame(error))?;
        let component = |component| Component {
            component,
            weight: model.weights()[component],
            mean: model.mean(component),
            covariance: Covariance::of(&model, component),
        };
        let components = (0..model.len()).map(component).collect();
        context.put_json("components", &Report { features: rows.names().to_vec(), aic, bic, components })?;
        if params.labels {
            let (proba, _) = model.predict_proba(&x).map_err(|error| rows.blame(error))?;
            context
                .put_table("table", &labelled::with_clusters(&table, &most_probable(&proba, model.len()))?)?;
        }
        context.put_model::<Mixture>("model", &rows.matrix().seen_schema(), &model)?;
        let message = format!(
            "{} components of {} rows in {} steps",
            model.len(),
            table.num_rows(),
            model.iterations()
        );
        Ok(Summary::new(message)
            .metric("train:log_likelihood", model.lower_bound())
            .metric("train:aic", aic)
            .metric("train:bic", bic)
            .metric("iterations", f64::from(model.iterations())))
    }
}

/// The predictor.
pub struct Mixture(LoadedUnlabelled<GaussianMixture>);

impl Model for Mixture {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        LoadedUnlabelled::open(state, GaussianMixture::width).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe(Task::Clustering)
    }

    /// `prediction` of the likeliest component, `probability_<number>` of each, and the row's `log_likelihood`.
    fn predict_table(&self, batch: &RecordBatch) -> Result<RecordBatch, Failure> {
        let answer = self.0.ask(batch, |model, x| model.predict_proba(x))?;
        let (proba, logs) = answer.unwrap_or_default();
        answer::components(&proba, self.0.kernel().len(), logs)
    }
}

millstream_sdk::export!(algorithm: Train, model: Mixture);

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type};
    use millstream_sdk::testing::{Host, rows};

    const TRAIN: &str = "x,y\n0,0\n0,1\n1,0\n1,1\n50,50\n50,51\n51,50\n51,51\n";

    #[test]
    fn finds_groups_of_every_shape() {
        for kind in ["full", "tied", "diag", "spherical"] {
            let host = Host::new().csv("train", TRAIN);
            let params = format!(r#"{{"n_components": 2, "covariance_type": "{kind}"}}"#);
            let summary = host.run::<Train>(&params).unwrap();
            assert!(summary.metrics.iter().all(|(_, value)| value.is_finite()));
            let first = &host.json("components")["components"][0];
            assert_eq!(first["weight"], 0.5);
            // A quarter along both axes, and nothing across.
            let covariance = match kind {
                "full" | "tied" => {
                    assert!(first["covariance"][0][1].as_f64().unwrap().abs() < 1e-9);
                    &first["covariance"][1][1]
                }
                _ => &first["covariance"][1],
            };
            assert!((covariance.as_f64().unwrap() - 0.250001).abs() < 1e-9, "{first}");
            let model = host.load::<Mixture>("model").unwrap();
            let answer = model.predict_batch(&rows("x,y\n0,0\n50,50\n1e9,0\n")).unwrap();
            let labels = answer.column(0).as_primitive::<Int64Type>().values();
            assert_ne!(labels[0], labels[1]);
            let own = answer.column(1 + labels[0] as usize).as_primitive::<Float64Type>().value(0);
            assert!((own - 1.0).abs() < 1e-9);
            // Of a normal distribution of these variances, at a corner of its square, for half of the rows.
            let log = answer.column(3).as_primitive::<Float64Type>().value(0);
            let expected = -(2.0 * std::f64::consts::PI * 0.250001).ln() - 0.25 / 0.250001 + 0.5f64.ln();
            assert!((log - expected).abs() < 1e-9, "{log} {expected}");
            assert_eq!(answer.schema().field(3).name(), "log_likelihood");
            assert_eq!(model.predict_batch(&rows("x,y\n0,0\n").slice(0, 0)).unwrap().num_columns(), 4);
        }
    }

    #[test]
    fn rows_come_out_with_their_cluster() {
        let host = Host::new().csv("train", TRAIN);
        host.run::<Train>(r#"{"n_components": 2, "labels": true}"#).unwrap();
        let table = host.table("table");
        let clusters = table.column(2).as_primitive::<Int64Type>().values();
        assert!(clusters[..4].iter().all(|c| *c == clusters[0]) && clusters[4] != clusters[0]);
        assert_eq!(table.schema().field(2).name(), "cluster");
        host.run::<Train>(r#"{"n_components": 2}"#).unwrap();
        assert!(!host.wrote("table"));
    }

    #[test]
    fn bad_input_is_named() {
        let run = |csv: &str, params: &str| {
            Host::new().csv("train", csv).run::<Train>(params).unwrap_err().to_string()
        };
        assert!(run(TRAIN, r#"{"n_components": 9}"#).contains("9"));
        assert!(run("x\n1\n1\n", r#"{"reg_covar": 0}"#).contains("parameter `reg_covar`"));
        assert!(run("x,y\n1,1\n,2\n", "{}").contains("row 2, column `x`"));
    }
}
