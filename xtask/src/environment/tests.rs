// tidy: paths of machines are data here

use super::*;

fn environment() -> Environment {
    Environment::of(
        &[
            ("PATH", "/usr/bin"),
            ("HOME", "/home/ann"),
            ("RUSTFLAGS", "-Ctarget-cpu=native"),
            ("CARGO_PROFILE_DEV_DEBUG", "0"),
            ("CARGO_MANIFEST_DIR", "/somewhere/xtask"),
            ("CARGO_PKG_NAME", "nexus-xtask"),
            ("CARGO", "/bin/cargo"),
            ("RUSTUP_TOOLCHAIN", "nightly"),
            ("DATABASE_URL", "postgres://localhost"),
            ("GITHUB_TOKEN", "ghs_123456789"),
            ("PIN_SECRET", "1234"),
        ],
        Path::new("/work"),
    )
}

#[test]
fn children_see_the_machine_and_the_build_and_nothing_of_the_outer_cargo() {
    let names: Vec<_> =
        environment().for_children().into_keys().map(|name| name.into_string().unwrap()).collect();
    assert_eq!(names, ["CARGO_PROFILE_DEV_DEBUG", "HOME", "PATH", "RUSTFLAGS"]);
}

#[test]
fn only_what_steers_a_build_counts() {
    let names: Vec<_> = environment().for_fingerprint().into_keys().collect();
    assert_eq!(names, ["CARGO_PROFILE_DEV_DEBUG", "RUSTFLAGS"]);
}

#[test]
fn secrets_are_masked_and_short_values_are_not() {
    assert_eq!(environment().mask("token ghs_123456789, pin 1234"), "token ***, pin 1234");
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let environment = Environment::of(&[("CI", "")], Path::new("/"));
    assert_eq!(environment.get("CI"), None);
    assert!(!environment.is_ci());
    assert!(!Environment::of(&[("CI", "false")], Path::new("/")).is_ci());
    assert!(Environment::of(&[("CI", "true")], Path::new("/")).is_ci());
}

#[test]
fn programs_are_found_where_a_shell_would_find_them() {
    let environment = Environment::of(&[("PATH", "/nowhere:/bin:/usr/bin")], Path::new("/"));
    assert!(environment.find("sh").is_some_and(|path| path.ends_with("sh")));
    assert_eq!(environment.find("no-such-program-here"), None);
}

#[cfg(unix)]
#[test]
fn a_point_in_the_name_of_a_program_belongs_to_the_name() {
    let scratch = crate::scratch::Scratch::new();
    let mode = || std::os::unix::fs::PermissionsExt::from_mode(0o755);
    for name in ["tool", "tool3.11"] {
        let path = scratch.path().join(name);
        crate::files::write(&path, "").unwrap();
        std::fs::set_permissions(path, mode()).unwrap();
    }
    let path = scratch.path().display().to_string();
    let environment = Environment::of(&[("PATH", &path)], Path::new("/"));
    assert_eq!(environment.find("tool3.11"), Some(scratch.path().join("tool3.11")));
}
