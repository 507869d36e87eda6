//! From measurements to a verdict. Pure.
//!
//! - A share of failures is held against its limit by Wilson's interval (E. B. Wilson, 1927): its whole interval below the
//!   limit is a pass, above it a failure, and anything else says nothing yet.
//! - Times are held against those of the untouched hosts over the same window by the rank test of Mann and Whitney (1947),
//!   one-sided, and only together with a size: a difference that nobody notices is none.
//! - No data, too little data and a provider that fails are each no verdict. None of them is a pass.

use std::collections::BTreeMap;

use crate::deploy::config::Analysis;
use crate::deploy::contract::HostName;
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

/// Is a number of somebody else within its limit? Each reading counts once; `None` is one that was no number.
pub fn at_most(name: &str, readings: &[Option<f64>], limit: f64) -> Verdict {
    let values: Vec<f64> = readings.iter().flatten().copied().collect();
    let missing = readings.len() - values.len();
    if values.is_empty() || missing >= values.len() {
        return Verdict::Inconclusive {
            why: format!("`{name}` said nothing {missing} times of {}", readings.len()),
        };
    }
    // What cannot be compared is not within the limit.
    let beyond: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| value.partial_cmp(&limit).is_none_or(std::cmp::Ordering::is_gt))
        .collect();
    match beyond.last() {
        None => Verdict::Pass,
        // One reading may be an accident, two in three are not.
        Some(newest) if 3 * beyond.len() >= 2 * values.len() => {
            Verdict::Fail { why: format!("`{name}` is {newest}, and {limit} is allowed") }
        }
        Some(_) => {
            let why = format!("`{name}` was above {limit} {} times of {}", beyond.len(), values.len());
            Verdict::Inconclusive { why }
        }
    }
}

/// All that was measured while a wave was watched.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// What hosts answered, whatever they were asked.
    pub hosts: BTreeMap<HostName, Answers>,
    /// The numbers of others, by name; `None` where there was none to be had.
    pub readings: BTreeMap<String, Vec<Option<f64>>>,
}

/// What a host is asked while it is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whether it is ready, and what it is.
    Readiness,
    /// One of the declared paths.
    Work,
}

/// What one host answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// How many times it said that it is ready, and did not.
    pub readiness: Counted,
    /// How its work was, judged apart: readiness is asked as often, and would hide half of what fails.
    pub work: Counted,
    /// How long good answers took, in milliseconds: those of work, where there is some. Readiness is quick whatever the
    /// work takes.
    pub latencies: Vec<f64>,
    /// How often it died on trial, and was started again; none where it did not say.
    pub restarts: Option<u32>,
}

impl Answers {
    /// The counts of a question.
    pub fn of(&mut self, asked: Asked) -> &mut Counted {
        match asked {
            Asked::Readiness => &mut self.readiness,
            Asked::Work => &mut self.work,
        }
    }
}

impl Measured {
    /// The answers of a host.
    pub fn of(&mut self, host: &HostName) -> &mut Answers {
        self.hosts.entry(host.clone()).or_default()
    }
}

/// The verdict on the hosts of a wave that are on trial; the other hosts are what nobody touched.
pub fn wave(analysis: &Analysis, on_trial: &[HostName], measured: &Measured) -> Verdict {
    let none = Answers::default();
    let mut verdicts = Vec::new();
    let (mut trial, mut untouched) = (Vec::new(), Vec::new());
    for host in on_trial {
        let answers = measured.hosts.get(host).unwrap_or(&none);
        let counted =
            std::iter::once(answers.readiness).chain((!analysis.paths.is_empty()).then_some(answers.work));
        verdicts.extend(
            counted
                .map(|counted| failures(counted, analysis.failures_permille_max, analysis.samples_min))
                .chain([alive(answers.restarts)])
                .map(|verdict| named(&host.0, verdict)),
        );
        trial.extend(&answers.latencies);
    }
    for (_, answers) in measured.hosts.iter().filter(|(host, _)| !on_trial.contains(host)) {
        untouched.extend(&answers.latencies);
    }
    if let (Some(percent), false) = (analysis.slower_percent_max, untouched.is_empty()) {
        verdicts.push(slower(&trial, &untouched, percent, analysis.samples_min));
    }
    for (name, metric) in &analysis.metrics {
        let readings = measured.readings.get(name).map_or(&[][..], Vec::as_slice);
        // That it is a number was checked when the file was read; nothing is within a limit that is none.
        let limit = metric.at_most.parse().unwrap_or(f64::NAN);
        verdicts.push(at_most(name, readings, limit));
    }
    worst(verdicts)
}

/// A release that dies on trial is bad, also where its socket waits for the next start and no request fails.
fn alive(restarts: Option<u32>) -> Verdict {
    match restarts {
        Some(0) => Verdict::Pass,
        Some(times) => Verdict::Fail { why: format!("it died, and was started again {times} times") },
        None => Verdict::Inconclusive { why: "it does not say whether it died".to_owned() },
    }
}

fn named(host: &str, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Pass => Verdict::Pass,
        Verdict::Fail { why } => Verdict::Fail { why: format!("{host}: {why}") },
        Verdict::Inconclusive { why } => Verdict::Inconclusive { why: format!("{host}: {why}") },
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
        let read = |values: &[f64]| values.iter().map(|value| Some(*value)).collect::<Vec<_>>();
        let inconclusive =
            |readings: &[Option<f64>]| matches!(at_most("m", readings, 1.0), Verdict::Inconclusive { .. });
        assert_eq!(at_most("m", &read(&[0.5, 0.9]), 1.0), Verdict::Pass);
        assert!(matches!(at_most("m", &read(&[0.5, 2.0, 2.0]), 1.0), Verdict::Fail { .. }));
        assert!(matches!(at_most("m", &read(&[f64::NAN]), 1.0), Verdict::Fail { .. }));
        assert!(inconclusive(&[]));
        assert!(inconclusive(&[None, None]));
        assert!(inconclusive(&[Some(0.5), None, None]), "a provider that stopped to answer is no good one");
        assert!(inconclusive(&read(&[0.5, 0.5, 0.5, 2.0])));
    }

    #[test]
    fn a_wave_is_as_well_as_its_worst_host_and_its_worst_number() {
        let host = |name: &str| HostName(name.to_owned());
        let counted = |n, failed, unknown| Counted { n, failed, unknown };
        let good = Answers {
            readiness: counted(500, 0, 0),
            work: counted(500, 0, 0),
            latencies: vec![5.0; 500],
            restarts: Some(0),
        };
        let bad = Answers { readiness: counted(500, 25, 0), ..good.clone() };
        // Of all that was asked it is one in a hundred.
        let works_badly =
            Answers { work: counted(500, 10, 0), readiness: counted(500, 0, 0), ..good.clone() };
        let silent = Answers { readiness: counted(100, 0, 400), ..good.clone() };
        let dies = Answers { restarts: Some(3), ..good.clone() };
        let mute = Answers { restarts: None, ..good.clone() };
        let analysis = Analysis { paths: vec!["/work".to_owned()], ..Analysis::default() };
        let on_trial = [host("a"), host("b")];
        let check = |a: &Answers, b: &Answers, c: &Answers| {
            let hosts = [("a", a), ("b", b), ("c", c)].map(|(name, answers)| (host(name), answers.clone()));
            let measured = Measured { hosts: hosts.into(), readings: BTreeMap::new() };
            match wave(&analysis, &on_trial, &measured) {
                Verdict::Pass => "pass".to_owned(),
                Verdict::Fail { why } => format!("fail: {why}"),
                Verdict::Inconclusive { why } => format!("inconclusive: {why}"),
            }
        };
        assert_eq!(check(&good, &good, &good), "pass");
        // One that nobody touched says nothing about the release.
        assert_eq!(check(&good, &good, &bad), "pass");
        assert_eq!(
            check(&good, &bad, &good),
            "fail: b: 25 of 500 answers were not well; 10 \u{2030} are allowed"
        );
        assert_eq!(
            check(&good, &silent, &good),
            "inconclusive: b: 0 of 100 answers were not well; of 400 nothing is known"
        );
        assert!(check(&good, &Answers::default(), &good).starts_with("inconclusive: b: no answer"));
        assert!(check(&good, &works_badly, &good).starts_with("fail: b: 10 of 500"));
        assert_eq!(check(&good, &dies, &good), "fail: b: it died, and was started again 3 times");
        assert_eq!(check(&good, &mute, &good), "inconclusive: b: it does not say whether it died");
        assert_eq!(check(&good, &good, &mute), "pass");
    }
}
