//! Real data sets that smartcore ships, as CSV files with headers.

use smartcore::dataset::{Dataset, breast_cancer, diabetes, digits, iris};

/// A data set to try things on.
pub struct Sample {
    /// File name without `.csv`.
    pub name: &'static str,
    /// What one would predict, and where the data comes from.
    pub about: &'static str,
    /// Name of the target column.
    pub target: &'static str,
    table: fn() -> Table,
}

/// Header and rows, as text.
struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// All of them.
pub const SAMPLES: [Sample; 4] = [
    Sample {
        name: "breast-cancer",
        about: "569 rows, 30 measurements of cell nuclei; is the tumour benign or malignant? (UCI, Wisconsin diagnostic)",
        target: "diagnosis",
        table: breast_cancer_table,
    },
    Sample {
        name: "iris",
        about: "150 rows, 4 measurements of flowers; which of three species? (Fisher, 1936)",
        target: "species",
        table: iris_table,
    },
    Sample {
        name: "digits",
        about: "1,797 rows, 8 x 8 pixels; which digit was written? (UCI, optical recognition)",
        target: "digit",
        table: digits_table,
    },
    Sample {
        name: "diabetes",
        about: "442 rows, 10 baseline variables, standardised; how far is the disease a year later? (Efron et al., 2004)",
        target: "progression",
        table: diabetes_table,
    },
];

impl Sample {
    /// The whole file.
    pub fn csv(&self) -> Vec<u8> {
        let table = (self.table)();
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in std::iter::once(&table.header).chain(&table.rows) {
            writer.write_record(row).expect("rows are as wide as the header, and memory takes them");
        }
        writer.into_inner().expect("memory takes it")
    }
}

fn breast_cancer_table() -> Table {
    let data = breast_cancer::load_dataset();
    let names = data.feature_names.iter().map(|name| name.replace(' ', "_")).collect();
    // As in scikit-learn: 0 is malignant, 1 is benign.
    let labels =
        data.target.iter().map(|&label| if label == 0 { "malignant" } else { "benign" }.to_owned()).collect();
    table(&data, names, "diagnosis", labels)
}

fn iris_table() -> Table {
    let data = iris::load_dataset();
    let names = ["sepal_length", "sepal_width", "petal_length", "petal_width"].map(str::to_owned).to_vec();
    let species = ["setosa", "versicolor", "virginica"];
    let labels = data.target.iter().map(|&label| species[label as usize].to_owned()).collect();
    table(&data, names, "species", labels)
}

fn digits_table() -> Table {
    let data = digits::load_dataset();
    let names = (0..64).map(|pixel| format!("pixel_{}_{}", pixel / 8, pixel % 8)).collect();
    let labels = data.target.iter().map(ToString::to_string).collect();
    table(&data, names, "digit", labels)
}

fn diabetes_table() -> Table {
    let data = diabetes::load_dataset();
    let names = data.feature_names.iter().map(|name| name.to_lowercase()).collect();
    let labels = data.target.iter().map(ToString::to_string).collect();
    table(&data, names, "progression", labels)
}

fn table<Y>(data: &Dataset<f32, Y>, names: Vec<String>, target: &str, labels: Vec<String>) -> Table {
    let header = names.into_iter().chain([target.to_owned()]).collect();
    let rows = data
        .data
        .chunks(data.num_features)
        .zip(labels)
        .map(|(row, label)| row.iter().map(ToString::to_string).chain([label]).collect())
        .collect();
    Table { header, rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_its_rows_its_columns_and_its_target() {
        let expected =
            [("breast-cancer", 569, 31), ("iris", 150, 5), ("digits", 1797, 65), ("diabetes", 442, 11)];
        for (sample, (name, rows, columns)) in SAMPLES.iter().zip(expected) {
            let csv = sample.csv();
            let mut reader = csv::Reader::from_reader(csv.as_slice());
            assert_eq!(sample.name, name);
            assert_eq!(reader.headers().unwrap().len(), columns);
            assert_eq!(reader.headers().unwrap().iter().next_back(), Some(sample.target));
            assert_eq!(reader.records().filter(Result::is_ok).count(), rows, "{name}");
        }
    }

    #[test]
    fn malignant_tumours_are_the_larger_ones() {
        let csv = SAMPLES[0].csv();
        let mut sums = [(0.0, 0), (0.0, 0)];
        for row in csv::Reader::from_reader(csv.as_slice()).records() {
            let row = row.unwrap();
            let class = &mut sums[usize::from(&row[30] == "malignant")];
            class.0 += row[0].parse::<f64>().unwrap();
            class.1 += 1;
        }
        assert_eq!((sums[0].1, sums[1].1), (357, 212));
        assert!(sums[1].0 / 212.0 > sums[0].0 / 357.0 + 3.0);
    }
}
