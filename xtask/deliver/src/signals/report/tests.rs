use super::*;

use expect_test::expect;

fn told(signal: &str, state: State, reason: &str, before: Option<&str>, owner: Option<&str>) -> Told {
    Told {
        signal: signal.into(),
        judged: Judged { state, reason: reason.into() },
        before: before.map(Into::into),
        owner: owner.map(Into::into),
        looked: true,
    }
}

#[test]
fn signals_are_lines_and_a_count() {
    expect!["no signal is declared"].assert_eq(&table(&[]));
    expect![[r#"
        up        disk       5000 MiB are free
        down      guestbook  nothing listens there; ask CODEX (was up)
        unknown   name       no such name
        1 up, 1 down, 1 unknown"#]]
    .assert_eq(&table(&[
        told("disk", State::Up, "5000 MiB are free", None, Some("ONYX")),
        told("guestbook", State::Down, "nothing listens there", Some("up"), Some("CODEX")),
        told("name", State::Unknown, "no such name", None, None),
    ]));
}
