//! Selection of the best of several systems: how to spend simulation where it decides.
//!
//! OCBA, optimal computing budget allocation (C.-H. Chen, J. Lin, E. Yücesan, S. E. Chick, Discrete Event Dynamic Systems 10
//! (2000) 251): runs go to systems in proportion to the square of their noise over their distance to the best, and to the best
//! as much as all others together make it worth.

/// Share of further runs for each of several systems, of which the one with the smallest mean is wanted, by their means and
/// variances. Shares add up to one; systems without noise, and all when there is only one, share evenly what nobody else
/// needs.
pub fn shares(means: &[f64], variances: &[f64]) -> Vec<f64> {
    let Some(best) = (0..means.len()).min_by(|&one, &other| means[one].total_cmp(&means[other])) else {
        return Vec::new();
    };
    // A distance of nothing would ask for everything: the smallest there is stands for it.
    let distances: Vec<f64> = means.iter().map(|mean| mean - means[best]).collect();
    let smallest = distances.iter().copied().filter(|&distance| distance > 0.0).fold(f64::INFINITY, f64::min);
    let ratio = |system: usize| variances[system] / distances[system].max(smallest).powi(2);
    let mut shares: Vec<f64> =
        (0..means.len()).map(|system| if system == best { 0.0 } else { ratio(system) }).collect();
    let squares = (0..means.len()).filter(|&system| system != best && variances[system] > 0.0);
    let squares: f64 = squares.map(|system| shares[system] * shares[system] / variances[system]).sum();
    shares[best] = (variances[best] * squares).sqrt();
    let sum: f64 = shares.iter().sum();
    match sum > 0.0 && sum.is_finite() {
        true => shares.iter().map(|share| share / sum).collect(),
        false => vec![1.0 / means.len() as f64; means.len()],
    }
}

/// How many of `more` further runs each system gets after those it has had, so that all runs together lie as [`shares`] says
/// as far as they still can; not whole numbers yet.
pub fn further(means: &[f64], variances: &[f64], used: &[usize], more: usize) -> Vec<f64> {
    let all = (used.iter().sum::<usize>() + more) as f64;
    let shares = shares(means, variances);
    shares.iter().zip(used).map(|(share, &used)| (share * all - used as f64).max(0.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_is_reproduced() {
        // R package SPOT: 100 more runs go (48, 38, 11, 2, 1); before rounding the formula gives 46.9, 38.2, 11.6, 2.0, 1.2.
        let (means, variances) = ([1.2, 2.1, 3.4, 4.87, 6.05], [3.3, 2.0, 4.5, 5.3, 6.9]);
        let further = further(&means, &variances, &[12, 6, 5, 5, 4], 100);
        for (further, exact) in further.iter().zip([46.9, 38.2, 11.6, 2.0, 1.2]) {
            assert!((further - exact).abs() < 0.1, "{further} against {exact}");
        }
        assert!((shares(&means, &variances).iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nearly_as_good_and_noisy_gets_more() {
        let even = shares(&[1.0, 2.0, 2.0], &[1.0, 1.0, 1.0]);
        assert!((even[1] - even[2]).abs() < 1e-12);
        let noisy = shares(&[1.0, 2.0, 2.0], &[1.0, 4.0, 1.0]);
        assert!(noisy[1] > 3.9 * noisy[2]);
        let near = shares(&[1.0, 1.5, 2.0], &[1.0, 1.0, 1.0]);
        assert!(near[1] > 3.9 * near[2]);
    }

    #[test]
    fn without_noise_nothing_is_asked_for_more_than_anything_else() {
        assert_eq!(shares(&[1.0, 2.0], &[0.0, 0.0]), [0.5, 0.5]);
        assert_eq!(shares(&[1.0], &[3.0]), [1.0]);
        assert_eq!(shares(&[], &[]), [0.0; 0]);
        assert!(shares(&[1.0, 1.0], &[1.0, 2.0]).iter().all(|share| share.is_finite()));
    }
}
