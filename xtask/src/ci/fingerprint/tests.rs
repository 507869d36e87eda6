use super::*;
use crate::ci::tree::Tree;

fn step(id: &str, command: &str) -> Step {
    Step::new(id.parse().unwrap(), "lint", command.split(' ').map(str::to_owned).collect())
}

fn facts() -> Facts {
    let tree = "H 100644 1 0\tCargo.lock\0H 100644 2 0\tsrc/lib.rs\0H 100644 3 0\tweb/a.ts\0H 100644 4 0\tweb/dist/a.js\0";
    Facts { tree: Some(Tree::from_text(tree.to_owned())), platform: "linux".into(), ..Facts::default() }
}

fn all(steps: &[Step], facts: &Facts) -> BTreeMap<StepId, Option<Fingerprint>> {
    fingerprints(steps, facts, &[])
}

/// The ids of the steps whose fingerprints differ between the two worlds.
#[track_caller]
fn check(before: (&[Step], &Facts), after: (&[Step], &Facts), expected: &[&str]) {
    let (before, after) = (all(before.0, before.1), all(after.0, after.1));
    let differ: Vec<_> =
        after.iter().filter(|(id, made)| before.get(*id) != Some(*made)).map(|(id, _)| id.as_str()).collect();
    assert_eq!(differ, expected);
}

fn steps() -> Vec<Step> {
    let web = Step {
        inputs: vec!["web/**".into()],
        outputs: vec!["web/dist".into()],
        ..step("web", "npm run build")
    };
    let pack =
        Step { inputs: vec!["pack.toml".into()], needs: vec![web.id.clone()], ..step("pack", "tar web") };
    let other = Step { inputs: vec!["other/**".into()], needs: vec![], ..step("other", "true") };
    vec![step("clippy", "cargo clippy"), web, pack, other]
}

#[test]
fn a_file_counts_for_the_steps_whose_inputs_hold_it_and_for_those_that_use_their_outputs() {
    let edit = |from: &str, to: &str| {
        let text = facts().tree.unwrap().text().replace(from, to);
        Facts { tree: Some(Tree::from_text(text)), ..facts() }
    };
    check((&steps(), &facts()), (&steps(), &facts()), &[]);
    check((&steps(), &facts()), (&steps(), &edit("2 0\tsrc", "9 0\tsrc")), &["clippy"]);
    check((&steps(), &facts()), (&steps(), &edit("3 0\tweb", "9 0\tweb")), &["clippy", "pack", "web"]);
    check((&steps(), &facts()), (&steps(), &edit("4 0\tweb/dist", "9 0\tweb/dist")), &[]);
}

#[test]
fn what_a_step_runs_and_sees_counts_for_that_step() {
    let mutate = |change: fn(&mut Step)| {
        let mut steps = steps();
        change(&mut steps[3]);
        steps
    };
    let changes: [fn(&mut Step); 5] = [
        |step| step.command.push("now".into()),
        |step| step.folder = "web".into(),
        |step| step.set_environment = [("A".to_owned(), "1".to_owned())].into(),
        |step| step.pass_environment = vec!["HOSTNAME".into()],
        |step| step.tools = vec!["node".into()],
    ];
    for change in changes {
        check((&steps(), &facts()), (&mutate(change), &facts()), &["other"]);
    }
    let same: [fn(&mut Step); 4] = [
        |step| step.timeout = std::time::Duration::from_secs(1),
        |step| step.retries = 3,
        |step| step.lane = Some("x".into()),
        |step| step.job = "test".into(),
    ];
    for change in same {
        check((&steps(), &facts()), (&mutate(change), &facts()), &[]);
    }
}

#[test]
fn build_variables_count_for_all_and_cargo_configuration_for_cargo() {
    let variables = Facts { variables: [("RUSTFLAGS".to_owned(), "-g".to_owned())].into(), ..facts() };
    check((&steps(), &facts()), (&steps(), &variables), &["clippy", "other", "pack", "web"]);
    let configs =
        Facts { configurations: [("/.cargo/config.toml".to_owned(), Digest::of("x"))].into(), ..facts() };
    check((&steps(), &facts()), (&steps(), &configs), &["clippy"]);
}

#[test]
fn a_network_step_and_a_step_that_uses_its_outputs_have_none() {
    let mut steps = steps();
    steps[1].network = true;
    let made = all(&steps, &facts());
    let without: Vec<_> = made.iter().filter(|(_, made)| made.is_none()).map(|(id, _)| id.as_str()).collect();
    assert_eq!(without, ["pack", "web"]);
}

#[test]
fn the_first_difference_is_said_in_words() {
    let component = |name: &str, value: &str| Component { name: name.into(), value: value.into() };
    let now = [
        component("command", "cargo\u{1f}fmt"),
        component("tool rustc", "rustc 2\nx"),
        component("tree", "b"),
    ];
    let check = |earlier: &[Component], expected: Option<&str>| {
        let said = first_difference(&now, earlier, || Some("file `a` changed".into()));
        assert_eq!(said.as_deref(), expected);
    };
    check(&now, None);
    check(
        &[component("command", "cargo\u{1f}test")],
        Some("command changed: it was `cargo test`, it is `cargo fmt`"),
    );
    check(
        &[now[0].clone(), component("tool rustc", "rustc 1\nx"), now[2].clone()],
        Some("tool rustc changed: it was rustc 1, it is rustc 2"),
    );
    check(&[now[0].clone(), now[1].clone(), component("tree", "a")], Some("file `a` changed"));
    check(&[&now[..], &[component("variable CC", "x")]].concat(), Some("variable CC is gone"));
}
