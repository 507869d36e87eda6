use super::*;

use expect_test::expect;

use crate::truth::config;

#[test]
fn a_roadmap_that_cannot_be_followed_is_refused() {
    let claims = "[claims.a]\ntext = \"x\"\nowner = \"NOBODY\"\nphase = \"later\"\n";
    let roadmap = "[[phases]]\nid = \"one\"\ntitle = \"One\"\ncriteria = []\n[[phases]]\nid = \"two\"\ntitle = \"Two\"\ncriteria = [{ claim = \"b\", level = \"tested\" }]\n[[phases]]\nid = \"two\"\ntitle = \"Two\"\ncriteria = [{ claim = \"a\", level = \"built\" }]\n[tasks.t]\ntitle = \"T\"\nowner = \"ONYX\"\nphase = \"three\"\nproves = \"c\"\nlevel = \"tested\"\n";
    let owners = "[owners.CODEX]\nduty = \"code\"\nreach = \"\"\n";
    let planned = Planned {
        roadmap: Some(toml::from_str(roadmap).unwrap()),
        owners: Some(toml::from_str(owners).unwrap()),
    };
    let texts = Texts { roadmap: roadmap.into(), owners: owners.into(), claims: claims.into() };
    let found = check(&config::parse(claims).unwrap(), &planned, &texts);
    let said: Vec<_> = found.iter().map(ToString::to_string).collect();
    expect![[r#"
        release/owners.toml:1: owner `CODEX` has no duty, or cannot be reached
          next: fill in `duty` and `reach`
        release/truth.toml:1: there is no owner `NOBODY`
          next: name one of: CODEX; or add the owner to `release/owners.toml`
        release/roadmap.toml:13: there is no owner `ONYX`
          next: name one of: CODEX; or add the owner to `release/owners.toml`
        release/roadmap.toml:2: phase `one` has no criteria, so nobody can tell when it is over
          next: name claims and their levels in `criteria`
        release/roadmap.toml:8: phase `two` asks for `b`, which is no claim
          next: name a claim of `release/truth.toml`
        release/roadmap.toml:6: there are two phases `two`
          next: give one of them another id
        release/roadmap.toml:13: task `t` is proven by `c`, which is no claim
          next: name a claim of `release/truth.toml`
        release/roadmap.toml:13: task `t` is of phase `three`, which is none
          next: name a phase
        release/truth.toml:1: claim `a` is of phase `later`, which is none of `release/roadmap.toml`
          next: name one of: one, two"#]]
    .assert_eq(&said.join("\n"));
}
