//! The law against published fits.

use serde_json::Value;

use super::*;

fn points(dataset: &str) -> Vec<UslPoint> {
    include_str!("../../../tests/data/capacity/usl.csv")
        .lines()
        .filter_map(|line| line.strip_prefix(dataset)?.strip_prefix(','))
        .map(|line| {
            let (n, x) = line.split_once(',').expect("two columns");
            (n.parse().expect("a load"), x.parse().expect("a throughput"))
        })
        .collect()
}

fn close(found: f64, wanted: f64, relative: f64) {
    assert!((found - wanted).abs() <= relative * wanted.abs() + 1e-12, "{found} is not {wanted}");
}

#[test]
fn usl_fits_published_data_within_two_hundredths_of_a_percent() {
    let text = include_str!("../../../tests/data/capacity/ground_truth.json");
    let truth: Value = serde_json::from_str(text).expect("the ground truth is JSON");
    for (dataset, wanted) in truth["usl"].as_object().expect("data sets") {
        let usl = Usl::fit(&points(dataset)).expect(dataset);
        let number = |key: &str| wanted[key].as_f64().expect("a number");
        close(usl.gamma, number("gamma"), 2e-4);
        close(usl.alpha, number("alpha"), 2e-4);
        close(usl.beta, number("beta"), 2e-4);
        close(usl.sse, number("sse"), 1e-6);
        for (found, index) in usl.errors.iter().zip([2, 0, 1]) {
            close(*found, wanted["se"][index].as_f64().expect("a number"), 2e-3);
        }
    }
}

#[test]
fn usl_reproduces_the_printed_coefficients() {
    let cisco = Usl::fit(&points("cisco_mysql_schwartz")).expect("32 points");
    close(cisco.alpha, 0.026_715_91, 2e-4);
    close(cisco.beta, 7.690_945e-4, 2e-4);
    close(cisco.gamma, 995.648_6, 2e-4);
    let peak = cisco.peak().expect("retrograde");
    close(peak.floor(), 35.0, 1e-12);
    close(cisco.throughput(peak.floor()), 12_341.0, 2e-4);
    let specsdm = Usl::fit(&points("specsdm91")).expect("7 points");
    close(specsdm.alpha, 0.027_728_5, 2e-4);
    close(specsdm.peak().expect("retrograde"), 96.52, 2e-4);
}

#[test]
fn usl_on_its_bound_has_no_peak_and_an_interval_that_begins_at_zero() {
    let raytracer = points("raytracer_gunther");
    let usl = Usl::fit(&raytracer).expect("11 points");
    assert_eq!(usl.peak(), None);
    let [_, alpha, beta] = usl.intervals(&raytracer);
    assert!(beta.low.abs() < 1e-12 && beta.high > 1e-5, "{beta:?}");
    assert!(alpha.low < 0.057_77 && alpha.high > 0.057_77, "{alpha:?}");
}

#[test]
fn usl_profile_interval_agrees_with_the_curvature_where_the_fit_is_tight() {
    let cisco = points("cisco_mysql_schwartz");
    let usl = Usl::fit(&cisco).expect("32 points");
    let [_, alpha, _] = usl.intervals(&cisco);
    let wald = 2.045 * usl.errors[1];
    close(alpha.high - alpha.low, 2.0 * wald, 0.05);
}

#[test]
fn usl_refuses_three_replicas() {
    let error = Usl::fit(&[(1.0, 10.0), (2.0, 19.0), (3.0, 27.0)]).expect_err("too few");
    assert_eq!(error, UslError::TooFewPoints { found: 3 });
}
