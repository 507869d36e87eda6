//! From measurements to a verdict. Pure.
//!
//! - A share of failures is held against its limit by Wilson's interval (E. B. Wilson, 1927): its whole interval below the
//!   limit is a pass, above it a failure, and anything else says nothing yet.
//! - Times are held against those of the untouched hosts over the same window by the rank test of Mann and Whitney (1947),
//!   one-sided, and only together with a size: a difference that nobody notices is none.
//! - No data, too little data and a provider that fails are each no verdict. None of them is a pass.

use crate::deploy::engine::Verdict;

/// The quantile of the normal distribution for 95 % on one side.
const Z: f64 = 1.6449;

/// Counts of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Answers that were judged.
    pub n: u64,
    /// Those that were not well.
    pub failed: u64,
    /// Questions of whose answer nothing is known.
    pub unknown: u64,
}

/// Wilson's interval for a share, at 95 % on each side.
pub fn wilson(counted: Counted) -> (f64, f64) {
    if counted.n == 0 {
        return (0.0, 1.0);
    }
    let (n, failed) = (float(counted.n), float(counted.failed));
    let share = failed / n;
    let z2 = Z * Z;
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// Is the share of failures below its limit?
pub fn failures(counted: Counted, permille_max: u32, samples_min: u32) -> Verdict {
    let said = format!("{} of {} answers were not well", counted.failed, counted.n);
    let limit = f64::from(permille_max) / 1000.0;
    let (low, high) = wilson(counted);
    // What is certainly too much needs no more samples.
    if counted.failed > 0 && low > limit {
        return Verdict::Fail { why: format!("{said}; {} ‰ are allowed", permille_max) };
    }
    if counted.n == 0 {
        return Verdict::Inconclusive { why: format!("no answer to judge ({} unknown)", counted.unknown) };
    }
    if counted.n < u64::from(samples_min) {
        return Verdict::Inconclusive { why: format!("{said}; fewer than {samples_min} say nothing") };
    }
    if counted.unknown > counted.n / 10 {
        return Verdict::Inconclusive { why: format!("{said}; of {} nothing is known", counted.unknown) };
    }
    if high < limit {
        return Verdict::Pass;
    }
    let why = format!(
        "{said}: between {:.1} and {:.1} ‰, and {permille_max} ‰ are allowed",
        low * 1000.0,
        high * 1000.0
    );
    Verdict::Inconclusive { why }
}

/// Are the times of the trial those of the hosts that nobody touched, but for so many percent?
pub fn slower(trial: &[f64], untouched: &[f64], percent_max: u32, samples_min: u32) -> Verdict {
    let least = usize::try_from(samples_min).unwrap_or(usize::MAX).max(8);
    if trial.len() < least || untouched.len() < least {
        let why = format!("{} and {} times; fewer than {least} say nothing", trial.len(), untouched.len());
        return Verdict::Inconclusive { why };
    }
    let allowed = 1.0 + f64::from(percent_max) / 100.0;
    // Slower than allowed is slower than the others would be if they were that much slower.
    let scaled: Vec<f64> = untouched.iter().map(|time| time * allowed).collect();
    let (ours, theirs) = (median(trial), median(untouched));
    if rank_z(trial, &scaled) > Z && ours > theirs * allowed {
        return Verdict::Fail { why: format!("{ours:.1} ms instead of {theirs:.1} ms (medians)") };
    }
    Verdict::Pass
}

/// Is a number of somebody else within its limit? Each reading counts once.
pub fn at_most(name: &str, values: &[f64], limit: f64) -> Verdict {
    let Some(newest) = values.last() else {
        return Verdict::Inconclusive { why: format!("`{name}` has no data") };
    };
    let above = values.iter().filter(|value| **value > limit).count();
    match above {
        0 => Verdict::Pass,
        // One reading may be an accident, two in three are not.
        _ if 3 * above >= 2 * values.len() => {
            Verdict::Fail { why: format!("`{name}` is {newest}, and {limit} is allowed") }
        }
        _ => Verdict::Inconclusive {
            why: format!("`{name}` was above {limit} {above} times of {}", values.len()),
        },
    }
}

/// The worst of several verdicts: a failure, then no verdict, then a pass. Of none, there is none.
pub fn worst(verdicts: Vec<Verdict>) -> Verdict {
    let mut worst = Verdict::Inconclusive { why: "nothing was measured".to_owned() };
    for (place, verdict) in verdicts.into_iter().enumerate() {
        let rank = |verdict: &Verdict| match verdict {
            Verdict::Fail { .. } => 2,
            Verdict::Inconclusive { .. } => 1,
            Verdict::Pass => 0,
        };
        if place == 0 || rank(&verdict) > rank(&worst) {
            worst = verdict;
        }
    }
    worst
}

/// How far the first sample's ranks are above what chance gives, in standard deviations. Ties share their ranks.
fn rank_z(ours: &[f64], theirs: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> =
        ours.iter().map(|one| (*one, true)).chain(theirs.iter().map(|one| (*one, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = 0.0;
    let mut ties = 0.0;
    let mut begin = 0;
    while begin < all.len() {
        let end =
            all[begin..].iter().position(|one| one.0 > all[begin].0).map_or(all.len(), |more| begin + more);
        let (size, rank) = (count(end - begin), (count(begin) + 1.0 + count(end)) / 2.0);
        ranks += rank * count(all[begin..end].iter().filter(|one| one.1).count());
        ties += size.powi(3) - size;
        begin = end;
    }
    let (n, m) = (count(ours.len()), count(theirs.len()));
    let u = ranks - n * (n + 1.0) / 2.0;
    let total = n + m;
    let variance = n * m / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0)));
    if variance <= 0.0 { 0.0 } else { (u - n * m / 2.0) / variance.sqrt() }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn float(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

fn count(count: usize) -> f64 {
    float(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_is_as_in_the_tables() {
        // Computed apart, as the roots of (share - x)^2 = z^2 x (1 - x) / n: n, failed, low, high at z = 1.6449.
        for (n, failed, low, high) in [
            (10, 0, 0.0, 0.2130),
            (100, 5, 0.0245, 0.0992),
            (1000, 5, 0.0024, 0.0102),
            (20, 10, 0.3274, 0.6726),
        ] {
            let (our_low, our_high) = wilson(Counted { n, failed, unknown: 0 });
            assert!(
                (our_low - low).abs() < 0.0002 && (our_high - high).abs() < 0.0002,
                "{n} {failed}: {our_low} {our_high}"
            );
        }
    }

    #[test]
    fn only_enough_good_answers_are_a_pass() {
        let check = |n, failed, unknown| match failures(Counted { n, failed, unknown }, 50, 20) {
            Verdict::Pass => "pass",
            Verdict::Fail { .. } => "fail",
            Verdict::Inconclusive { .. } => "inconclusive",
        };
        for (n, failed, unknown, expected) in [
            (0, 0, 0, "inconclusive"),
            (0, 0, 50, "inconclusive"),
            (19, 0, 0, "inconclusive"),
            (20, 0, 0, "inconclusive"),
            (60, 0, 0, "pass"),
            (60, 0, 7, "inconclusive"),
            (200, 4, 0, "pass"),
            // Its interval ends at 50.46 of a thousand.
            (200, 5, 0, "inconclusive"),
            (200, 10, 0, "inconclusive"),
            (200, 20, 0, "fail"),
            (5, 5, 0, "fail"),
        ] {
            assert_eq!(check(n, failed, unknown), expected, "{n} {failed} {unknown}");
        }
    }

    #[test]
    fn slower_needs_ranks_and_size() {
        let times = |base: f64| (0..30).map(|place| base + f64::from(place % 7)).collect::<Vec<_>>();
        assert_eq!(slower(&times(10.0), &times(10.0), 20, 10), Verdict::Pass);
        assert_eq!(slower(&times(12.0), &times(10.0), 50, 10), Verdict::Pass);
        assert!(matches!(slower(&times(40.0), &times(10.0), 50, 10), Verdict::Fail { .. }));
        assert!(matches!(slower(&times(40.0)[..5], &times(10.0), 50, 10), Verdict::Inconclusive { .. }));
        assert!(matches!(slower(&[], &[], 50, 10), Verdict::Inconclusive { .. }));
    }

    #[test]
    fn nothing_is_never_a_pass() {
        assert!(matches!(worst(Vec::new()), Verdict::Inconclusive { .. }));
        assert!(matches!(at_most("m", &[], 1.0), Verdict::Inconclusive { .. }));
        assert_eq!(at_most("m", &[0.5, 0.9], 1.0), Verdict::Pass);
        assert!(matches!(at_most("m", &[0.5, 2.0, 2.0], 1.0), Verdict::Fail { .. }));
        assert!(matches!(at_most("m", &[0.5, 0.5, 0.5, 2.0], 1.0), Verdict::Inconclusive { .. }));
    }
}
