//! What a journal says of releases: which were good, what a host goes back to, and what data allows.

use super::*;
use crate::deploy::config;
use crate::deploy::contract::{Staged, Trouble};

const STAGES: &str = "[service]\nname = \"one\"\nartifact = \"one\"\n\
    [stages.live]\ndriver = \"local\"\nhosts.a.listen = \"127.0.0.1:8080\"\nkeep = 1\n\
    migrations = { schema = 2, schema_min = 1, contract = [\"drop\"] }\n";

/// A host's journal from words: `+one:1` a release of schema 1 that succeeded, `-one` one that was taken back, `<one` a
/// stage that went back to it, `>one` one that did not get there, `!2` data that was contracted, `^one` as `<one` after a restore.
fn host(story: &str, confirmed: Option<&str>) -> HostFacts {
    let line = |word: &str| {
        let (sign, rest) = word.split_at(1);
        let (release, schema) = rest.split_once(':').unwrap_or((rest, "1"));
        let mut labels: BTreeMap<String, String> =
            [("release", release), ("schema", schema), ("schema_min", "0")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let mut say = |name: &str, value: &str| drop(labels.insert(name.to_owned(), value.to_owned()));
        say("outcome", if sign == "-" || sign == ">" { "rolled back" } else { "succeeded" });
        say("way", if ["<", ">", "^"].contains(&sign) { BACK } else { "forward" });
        if sign == "^" {
            say("restored", "nightly");
        }
        if sign == "!" {
            say("schema", rest);
        }
        let step = if sign == "!" { CONTRACTED } else { ENDED }.to_owned();
        Line {
            seq: 0,
            prev: String::new(),
            deployment: String::new(),
            fence: Fence(0),
            step,
            phase: "note".to_owned(),
            subject: String::new(),
            at_seconds: 0,
            labels,
        }
    };
    let staged = |name: &str| Staged { release: ReleaseId(name.to_owned()), whole: true };
    let observed = Observed {
        confirmed: confirmed.map(|name| ReleaseId(name.to_owned())),
        staged: ["one", "two", "new"].map(staged).into(),
        ..Observed::default()
    };
    HostFacts { observed, journal: story.split_whitespace().map(line).collect() }
}

fn planned(kind: Kind, release: &str, facts: &HostFacts) -> (Plan, Vec<Refusal>) {
    let config = config::parse(STAGES).unwrap();
    let stage = config.stage("live").unwrap();
    let bundle = Bundle {
        id: ReleaseId(release.to_owned()),
        version: "1.0.0".to_owned(),
        archive: "a.tar.gz".into(),
        digest: Digest::of("a"),
        seal: String::new(),
        commit: String::new(),
        program: String::new(),
        configuration: BTreeMap::new(),
        secrets: Vec::new(),
    };
    let hosts = [(HostName("a".to_owned()), facts.clone())].into();
    let plan = make(&config, "live", stage, kind, bundle, &hosts);
    let refused = refusals(&plan, stage, &hosts, &Known::default());
    (plan, refused)
}

#[test]
fn a_release_is_good_until_it_is_taken_back_or_left_behind() {
    for (story, good) in [
        ("", ""),
        ("+one +two", "one two"),
        ("+one -two", "one"),
        ("+one +two -one", "two"),
        ("+one +two +one", "two one"),
        // Who went back from it does not want it again: going back twice does not come to it.
        ("+zero +one +two <one", "zero one"),
        ("+zero +one +two <zero +two", "zero two"),
        // A host that could not go back does not make the release bad.
        ("+one +two >one", "one two"),
    ] {
        let names: Vec<_> = host(story, None).good().into_iter().map(|(release, _)| release.0).collect();
        assert_eq!(names.join(" "), good, "{story}");
    }
    // Who names the one that was left can have it, and then it is good again.
    let there_and_back = host("+one +two <one", None);
    let named: Vec<_> = there_and_back.succeeded().into_iter().map(|(release, _)| release.0).collect();
    assert_eq!(named, ["two", "one"]);
    let again: Vec<_> = host("+one +two <one <two", None).good().into_iter().map(|(one, _)| one.0).collect();
    assert_eq!(again, ["one", "two"]);
}

#[test]
fn a_host_goes_back_to_what_was_good() {
    for (story, confirmed, back, is_open) in [
        ("", None, None, false),
        ("+one", Some("one"), Some("one"), false),
        // A killed deployment confirmed `two`, and another release comes; or `new` itself goes on.
        ("+one", Some("two"), Some("one"), true),
        ("+one", Some("new"), Some("one"), true),
        // Nothing was ever good: what serves is better than nothing, unless it is the release itself.
        ("", Some("two"), Some("two"), true),
        ("", Some("new"), None, true),
        ("+new", Some("new"), Some("new"), false),
    ] {
        let facts = host(story, confirmed);
        let (plan, _) = planned(Kind::Deploy, "new", &facts);
        let found = plan.back(&HostName("a".to_owned())).map(|release| release.0);
        assert_eq!((found.as_deref(), facts.is_open()), (back, is_open), "{story} {confirmed:?}");
    }
}

#[test]
fn a_lock_that_somebody_took_does_not_change_what_will_happen() {
    let facts = host("+one", Some("one"));
    let mut later = facts.clone();
    later.observed.fence = Fence(7);
    let (before, after) = (planned(Kind::Deploy, "new", &facts).0, planned(Kind::Deploy, "new", &later).0);
    assert_eq!(before.digest(), after.digest());
    assert_ne!(before.seen, after.seen);
}

#[test]
fn data_is_contracted_once_and_only_when_no_release_that_stays_needs_it() {
    for (story, contracts, waits) in [
        ("+one:2", true, ""),
        ("+one:1", false, "one needs the data of schema 1"),
        // One release is kept: the old one goes with this deployment's end, and the next one contracts.
        ("+one:1 +two:2", true, ""),
        ("+one:2 !2", false, ""),
        ("+one:2 !1", true, ""),
    ] {
        let (plan, _) = planned(Kind::Deploy, "new", &host(story, None));
        assert_eq!(
            (plan.contract.is_some(), plan.contract_waits.join("; ").as_str()),
            (contracts, waits),
            "{story}"
        );
    }
}

#[test]
fn nobody_goes_back_across_a_contraction_without_a_restore() {
    for (story, release, refusal) in [
        ("+one:1 +two:2", "one", ""),
        ("+one:1 +two:2 !2", "one", "its data was contracted to schema 2, and this release is of 1"),
        ("+one:2 +two:2 !2", "one", ""),
        ("+one:1 +two:2 !2 ^one:1 +two:2", "one", ""),
    ] {
        let (mut plan, refused) = planned(Kind::Rollback, release, &host(story, Some("two")));
        let why: Vec<_> = refused.iter().map(|one| one.why.clone()).collect();
        assert_eq!(why.join("; "), refusal, "{story}");
        plan.restored = Some("nightly".to_owned());
        let config = config::parse(STAGES).unwrap();
        let hosts = [(HostName("a".to_owned()), host(story, Some("two")))].into();
        assert_eq!(refusals(&plan, config.stage("live").unwrap(), &hosts, &Known::default()), [], "{story}");
    }
}

#[test]
fn a_stage_before_that_gives_no_answer_has_confirmed_nothing() {
    let config = config::parse(
        &(STAGES.to_owned()
            + "[stages.next]\nafter = [\"live\"]\ndriver = \"local\"\nhosts.b.listen = \"127.0.0.1:8081\"\n"),
    )
    .unwrap();
    let (mut plan, _) = planned(Kind::Deploy, "new", &host("", None));
    plan.stage = "next".to_owned();
    let next = config.stage("next").unwrap();
    let silent = Err(Trouble::Unreachable { why: "cut".to_owned() });
    let mut other = host("+new", Some("new"));
    other.observed.clock_seconds = 5;
    for (upstream, refusal) in [
        (vec![silent], "no answer: cut"),
        (vec![Ok(other)], "1.0.0 has not been confirmed there with these bytes"),
        (Vec::new(), "it has no host, so nothing was confirmed there"),
    ] {
        let known = Known { upstream: [("live".to_owned(), upstream)].into(), ..Known::default() };
        let why: Vec<_> =
            refusals(&plan, next, &BTreeMap::new(), &known).into_iter().map(|one| one.why).collect();
        assert_eq!(why, [refusal]);
    }
}
