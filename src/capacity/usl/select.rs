//! Which law of scaling the data support: a simpler one wins unless a richer one earns its parameters.

use super::law::{UslError, UslPoint, check, fit_bounded, sse, start};

/// A law of throughput over load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalingLaw {
    /// X = γN.
    Linear,
    /// X = min(γN, X max): flat beyond a knee, as an open system at its ceiling is.
    Knee,
    /// X = γN/(1 + α(N−1)).
    Amdahl,
    /// With retrograde scaling, β > 0.
    Usl,
}

/// A law as fitted, with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalingModel {
    /// Which law.
    pub law: ScalingLaw,
    /// Akaike's information criterion corrected for small samples; less is better, 2 apart is a draw.
    pub aicc: f64,
    /// Sum of squared residuals.
    pub sse: f64,
}

/// All laws fitted to `points`, the best first.
pub fn select(points: &[UslPoint]) -> Result<Vec<ScalingModel>, UslError> {
    check(points)?;
    let from = start(points);
    let fitted = |free, from| sse(points, fit_bounded(points, free, from));
    let candidates = [
        (ScalingLaw::Linear, 1, fitted([true, false, false], [from[0], 0.0, 0.0])),
        (ScalingLaw::Knee, 2, knee(points)),
        (ScalingLaw::Amdahl, 2, fitted([true, true, false], [from[0], from[1], 0.0])),
        (ScalingLaw::Usl, 3, fitted([true; 3], from)),
    ];
    let mut models: Vec<ScalingModel> = candidates
        .into_iter()
        .map(|(law, parameters, sse)| ScalingModel {
            law,
            aicc: aicc(points, parameters, sse),
            sse,
        })
        .collect();
    models.sort_by(|a, b| a.aicc.total_cmp(&b.aicc));
    Ok(models)
}

/// n·ln(SSE/n) + 2k + 2k(k+1)/(n−k−1), k counting the variance too (Hurvich, Tsai 1989).
fn aicc(points: &[UslPoint], parameters: usize, sse: f64) -> f64 {
    let (n, k) = (points.len() as f64, parameters as f64 + 1.0);
    let scale: f64 = points.iter().map(|(_, x)| x * x).sum();
    n * (sse.max(1e-24 * scale) / n).ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0)
}

/// The least sum of squares of a rise through the origin that ends in a plateau.
fn knee(points: &[UslPoint]) -> f64 {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    (1..=sorted.len())
        .map(|rising| {
            let (rise, flat) = sorted.split_at(rising);
            let (nx, nn) = rise.iter().fold((0.0, 0.0), |(a, b), (n, x)| (a + n * x, b + n * n));
            let gamma = nx / nn;
            let mean = flat.iter().map(|p| p.1).sum::<f64>() / flat.len().max(1) as f64;
            rise.iter().map(|(n, x)| (x - gamma * n).powi(2)).sum::<f64>()
                + flat.iter().map(|(_, x)| (x - mean).powi(2)).sum::<f64>()
        })
        .fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::super::law::curve;
    use super::*;

    fn measured(law: impl Fn(f64) -> f64) -> Vec<UslPoint> {
        // A fixed ±1 % of disturbance, so that no law fits exactly.
        let sign = [1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
        (1..=10)
            .map(|n| f64::from(n) * 4.0)
            .zip(sign)
            .map(|(n, sign)| (n, law(n) * (1.0 + 0.01 * sign)))
            .collect()
    }

    #[test]
    fn select_names_the_law_that_made_the_data() {
        let best = |points: &[UslPoint]| select(points).expect("enough points")[0].law;
        assert_eq!(best(&measured(|n| 5.0 * n)), ScalingLaw::Linear);
        assert_eq!(best(&measured(|n| (5.0 * n).min(90.0))), ScalingLaw::Knee);
        assert_eq!(best(&measured(|n| curve([5.0, 0.05, 0.0], n))), ScalingLaw::Amdahl);
        assert_eq!(best(&measured(|n| curve([5.0, 0.03, 0.002], n))), ScalingLaw::Usl);
    }
}
