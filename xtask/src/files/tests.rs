use super::*;
use crate::scratch::Scratch;

#[test]
fn a_write_replaces_the_whole_file_and_leaves_nothing_beside_it() {
    let scratch = Scratch::new();
    let path = scratch.path().join("folder/file.txt");
    write(&path, "long first content").unwrap();
    write(&path, "short").unwrap();
    assert_eq!(read_text(&path).unwrap().as_deref(), Some("short"));
    assert_eq!(list(path.parent().unwrap()).unwrap(), [path]);
}

#[test]
fn a_failed_write_keeps_the_old_content() {
    let scratch = Scratch::new();
    let path = scratch.path().join("file.txt");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), "kept").unwrap();
    let error = write(&path, "new").unwrap_err();
    assert!(error.to_string().contains("file.txt"), "{error}");
    assert_eq!(list(scratch.path()).unwrap(), std::slice::from_ref(&path));
    assert_eq!(fs::read_to_string(path.join("inside")).unwrap(), "kept");
}

#[test]
fn absent_is_not_an_error_and_not_empty() {
    let scratch = Scratch::new();
    let path = scratch.path().join("none");
    assert_eq!(read(&path).unwrap(), None);
    assert_eq!(digest(&path).unwrap(), None);
    assert_eq!(list(&path).unwrap(), Vec::<PathBuf>::new());
    assert_eq!(tail(&path, 10).unwrap(), "");
    remove(&path).unwrap();
    write(&path, "").unwrap();
    assert_eq!(read(&path).unwrap(), Some(Vec::new()));
}

#[test]
fn a_check_names_the_first_line_that_differs_and_shows_the_diff() {
    let scratch = Scratch::new();
    let path = scratch.path().join("made.txt");
    write(&path, "one\ntwo\n").unwrap();
    let finding = generate(Mode::Check, &path, "made.txt", "one\n2\n", "cargo xtask make").unwrap().unwrap();
    expect_test::expect![[r#"
        made.txt:2: differs from what its generator prints
        --- made.txt (there)
        +++ made.txt (wanted)
        @@ -1,2 +1,2 @@
         one
        -two
        +2

          next: cargo xtask make"#]]
    .assert_eq(&finding.to_string());
    assert_eq!(generate(Mode::Write, &path, "made.txt", "one\n2\n", "").unwrap(), None);
    assert_eq!(generate(Mode::Check, &path, "made.txt", "one\n2\n", "").unwrap(), None);
}

#[test]
fn a_lock_excludes_and_ends_with_its_holder() {
    let scratch = Scratch::new();
    let path = scratch.path().join("lock");
    let held = lock(&path).unwrap();
    assert!(try_lock(&path).unwrap().is_none());
    drop(held);
    assert!(try_lock(&path).unwrap().is_some());
}

#[test]
fn a_tail_is_bounded() {
    let scratch = Scratch::new();
    let path = scratch.path().join("log");
    write(&path, "0123456789").unwrap();
    assert_eq!(tail(&path, 4).unwrap(), "6789");
    assert_eq!(tail(&path, 40).unwrap(), "0123456789");
}

#[test]
fn leftovers_of_killed_writers_go_and_fresh_ones_stay() {
    let scratch = Scratch::new();
    let place = |name: &str| scratch.path().join(name);
    for name in ["a.json", ".a.json.12-ThreadId(3)", ".b.json.12-ThreadId(3)", ".old"] {
        write(&place(name), "half").unwrap();
    }
    let long_ago = std::time::SystemTime::now() - 2 * LEFTOVER_AGE;
    for name in ["a.json", ".a.json.12-ThreadId(3)", ".old"] {
        File::options().write(true).open(place(name)).unwrap().set_modified(long_ago).unwrap();
    }
    remove_leftovers(scratch.path()).unwrap();
    let left: Vec<_> =
        list(scratch.path()).unwrap().iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(left, [".b.json.12-ThreadId(3)", ".old", "a.json"]);
}
