//! Neighbours, naive Bayes and support vectors beside scikit-learn's.

use crate::hold::{Beside, Case, Figures, hold, scored};
use crate::table::{Fold, View, WHOLE};
use crate::{ALL, CLASSES};
use millstream_learners::{Check, knn, naive_bayes, svm};

/// Sets with columns of few whole numbers.
const WHOLE_NUMBERS: &[&str] = &["digits", "titanic", "german_credit"];

fn neighbours(fold: &Fold, algorithm: knn::Algorithm) -> Figures {
    let weights = knn::Weights::Distance;
    let params = knn::Params { n_neighbors: 15, weights, algorithm, n_probe: Some(8), ..Default::default() };
    let (view, params) = (fold.wide(), params.check().unwrap());
    let predicted = match fold.classes() {
        0 => params.fit_numbers(&view.train(), &fold.y).unwrap().predict_numbers(&view.test()),
        _ => params.fit_classes(&view.train(), &fold.labels()).unwrap().predict_proba(&view.test()),
    };
    scored(fold, &predicted.unwrap())
}

fn bayes(fold: &Fold, view: &View, params: naive_bayes::Params) -> Figures {
    let model = params.check().unwrap().fit(&view.train(), &fold.labels(), None).unwrap();
    scored(fold, &model.predict_proba(&view.test()).unwrap())
}

fn support_vectors() -> Case {
    let case = Case::new("svm", ALL, |fold, seed| {
        let view = fold.wide();
        let (x, test) = (view.train(), view.test());
        let predicted = match fold.classes() {
            0 => {
                let params = svm::Params { c: 10.0, ..Default::default() }.check().unwrap();
                params.fit_numbers(&x, &fold.y, None).unwrap().predict(&test)
            }
            _ => {
                let params = svm::Params { probability: true, seed, ..Default::default() }.check().unwrap();
                params.fit_classes(&x, &fold.labels(), None).unwrap().predict_proba(&test)
            }
        };
        scored(fold, &predicted.unwrap())
    });
    Case { most_rows: 2000, ..case }
}

pub fn cases() -> Vec<Case> {
    use naive_bayes::{Kind, Params};
    let same = Beside::Same(1e-6);
    let exact = Case::new("knn", ALL, |fold, _| neighbours(fold, knn::Algorithm::Auto));
    let inverted =
        Case::new("knn with an inverted file", ALL, |fold, _| neighbours(fold, knn::Algorithm::Ivf));
    let gaussian = Case::new("naive-bayes-gaussian", CLASSES, |fold, _| {
        bayes(fold, &fold.wide(), Params { var_smoothing: 1e-6, ..Params::default() })
    });
    let bernoulli = Case::new("naive-bayes-bernoulli", CLASSES, |fold, _| {
        bayes(fold, &fold.wide(), Params { kind: Kind::Bernoulli, binarize: 0.5, ..Params::default() })
    });
    let multinomial = Case::new("naive-bayes-multinomial", &["digits"], |fold, _| {
        bayes(fold, &fold.whole(), Params { kind: Kind::Multinomial, ..Params::default() })
    });
    let categorical = Case::new("naive-bayes-categorical", WHOLE_NUMBERS, |fold, _| {
        let (kind, min_categories) = (Kind::Categorical, Some(WHOLE + 1));
        bayes(fold, &fold.whole(), Params { kind, min_categories, ..Params::default() })
    });
    // Of rows that are equally far either is the nearest.
    let exact = Case { beside: Beside::Same(1e-3), ..exact };
    let [gaussian, bernoulli, multinomial, categorical] =
        [gaussian, bernoulli, multinomial, categorical].map(|case| Case { beside: same, ..case });
    let inverted = Case { peer: "knn", ..inverted };
    vec![exact, inverted, gaussian, bernoulli, multinomial, categorical, support_vectors()]
}

#[test]
fn neighbours_bayes_and_support_vectors_are_as_good() {
    hold(cases());
}
