use super::*;

use crate::truth::config;

/// Thirty claims: all kinds of evidence, alone and together.
const CLAIMS: &str = include_str!("claims.toml");

/// The moment of judging.
const NOW: i64 = 10_000_000;

fn here(now: i64, inputs: &str) -> Here<'static> {
    Here { now: Timestamp::from_second(now).unwrap(), inputs: Digest::of(inputs), platform: "linux" }
}

/// What was seen a minute ago, with the files `a` where that counts.
fn seen(evidence: &Evidence, verdict: Verdict) -> Option<Sight> {
    let inputs = evidence.is_bound().then(|| Digest::of("a"));
    Some(Sight { verdict, why: String::new(), at: Timestamp::from_second(NOW - 60).unwrap(), inputs })
}

#[test]
fn each_of_thirty_claims_falls_when_its_ability_breaks() {
    let config = config::parse(CLAIMS).unwrap();
    assert_eq!(config.claims.len(), 30);
    for (id, claim) in &config.claims {
        let all = |verdict| claim.evidence.iter().map(|evidence| seen(evidence, verdict)).collect::<Vec<_>>();
        let level = |sights: &[_], here| show(claim, sights, here).level;
        let good = all(Verdict::True);
        let best = level(&good, here(NOW, "a"));
        let highest = claim.evidence.iter().filter(|one| one.platforms.is_empty()).map(Evidence::level).max();
        assert_eq!(Some(best), highest, "{id}");
        let counts = |one: &Evidence| {
            one.platforms.is_empty() && (one.level() == best || (claim.safety && one.negative))
        };
        for (at, evidence) in claim.evidence.iter().enumerate() {
            if !evidence.platforms.is_empty() {
                continue;
            }
            for broken in [Verdict::False, Verdict::Error] {
                let mut sights = good.clone();
                sights[at] = seen(evidence, broken);
                assert!(level(&sights, here(NOW, "a")) < best, "{id}: {broken:?} at {at}");
            }
            let mut sights = good.clone();
            sights[at] = None;
            let without = level(&sights, here(NOW, "a"));
            assert_eq!(without < best, counts(evidence), "{id}: nobody looked at {at}");
        }
        // A year later nothing that has a time to live counts; with other files nothing that is bound to them does.
        let has_ttl = claim.evidence.iter().any(|one| counts(one) && one.ttl().is_some());
        assert_eq!(level(&good, here(NOW + 366 * 86_400, "a")) < best, has_ttl, "{id}: a year later");
        let is_bound = claim.evidence.iter().any(|one| counts(one) && one.is_bound());
        assert_eq!(level(&good, here(NOW, "b")) < best, is_bound, "{id}: other files");
        // What was seen in the future was not seen.
        assert_eq!(level(&good, here(NOW - 3600, "a")), Level::Planned, "{id}: before it was seen");
    }
}

#[test]
fn a_time_to_live_ends_to_the_second() {
    let evidence = Evidence { drill: Some("restore".into()), ttl: Some("1h".into()), ..Evidence::default() };
    let sight = seen(&evidence, Verdict::True);
    let judged = |now| judge(&evidence, sight.as_ref(), here(now, "a")).verdict;
    assert_eq!(judged(NOW - 60 + 3600), Verdict::True);
    assert_eq!(judged(NOW - 60 + 3601), Verdict::NotAvailable);
    assert_eq!(judged(NOW - 60), Verdict::True);
    assert_eq!(judged(NOW - 61), Verdict::NotAvailable);
}

#[test]
fn another_system_says_nothing() {
    let evidence =
        Evidence { step: Some("msrv".into()), platforms: vec!["macos".into()], ..Evidence::default() };
    let judged = judge(&evidence, seen(&evidence, Verdict::True).as_ref(), here(NOW, "a"));
    assert_eq!(judged.verdict, Verdict::NotApplicable);
    let claim = Claim {
        text: String::new(),
        owner: String::new(),
        phase: String::new(),
        terms: Vec::new(),
        safety: false,
        evidence: vec![evidence],
        mutants: Vec::new(),
    };
    assert_eq!(level(&claim, &[judged]), Level::Planned, "nothing that applies here shows it");
}
