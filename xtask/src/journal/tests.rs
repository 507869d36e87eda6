use super::*;
use crate::scratch::Scratch;

fn workspace(scratch: &Scratch) -> Workspace {
    Workspace::at(scratch.path())
}

fn clock(second: i64) -> Clock {
    Clock::fixed(Timestamp::from_second(second).unwrap())
}

fn entry(subject: &str) -> Entry {
    Entry { kind: "test".into(), subject: subject.into(), ..Entry::default() }
}

fn path(workspace: &Workspace) -> PathBuf {
    months(&workspace.journal()).unwrap().pop().unwrap()
}

#[test]
fn a_chain_goes_on_over_months() {
    let scratch = Scratch::new();
    let workspace = workspace(&scratch);
    append(&workspace, &clock(0), vec![entry("a"), entry("b")]).unwrap();
    append(&workspace, &clock(40 * 86_400), vec![entry("c")]).unwrap();
    let report = verify(&workspace).unwrap();
    assert_eq!(report.broken, Vec::<String>::new());
    assert_eq!(report.lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(months(&workspace.journal()).unwrap().len(), 2);
}

#[test]
fn a_torn_line_is_set_aside_and_told_of() {
    let scratch = Scratch::new();
    let workspace = workspace(&scratch);
    append(&workspace, &clock(0), vec![entry("a")]).unwrap();
    files::open_append(&path(&workspace)).unwrap().write_all(b"{\"v\":1,\"wri").unwrap();
    assert!(verify(&workspace).unwrap().torn.is_some());

    append(&workspace, &clock(1), vec![entry("b")]).unwrap();
    let report = verify(&workspace).unwrap();
    assert_eq!((report.torn, report.broken), (None, Vec::new()));
    assert_eq!(
        report.lines.iter().map(|line| line.entry.kind.as_str()).collect::<Vec<_>>(),
        ["test", TORN, "test"]
    );
    let aside = &report.lines[1].entry.evidence[0];
    assert_eq!(files::read_text(&workspace.file(aside)).unwrap().as_deref(), Some("{\"v\":1,\"wri"));
    assert_eq!(report.set_aside, std::slice::from_ref(aside));
}

#[test]
fn a_changed_lost_or_doubled_line_breaks_the_chain() {
    let changed =
        |lines: &[String]| vec![lines[0].replace("\"a\"", "\"z\""), lines[1].clone(), lines[2].clone()];
    let lost = |lines: &[String]| vec![lines[0].clone(), lines[2].clone()];
    let doubled = |lines: &[String]| [&lines[..1], lines].concat();
    for mutate in [&changed as &dyn Fn(&[String]) -> Vec<String>, &lost, &doubled] {
        let scratch = Scratch::new();
        let workspace = workspace(&scratch);
        append(&workspace, &clock(0), vec![entry("a"), entry("b"), entry("c")]).unwrap();
        let text = files::read_text(&path(&workspace)).unwrap().unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        files::write(&path(&workspace), mutate(&lines).join("\n") + "\n").unwrap();
        assert!(!verify(&workspace).unwrap().broken.is_empty());
    }
}

#[test]
fn two_writers_at_once_lose_nothing() {
    let scratch = Scratch::new();
    let workspace = workspace(&scratch);
    writer(&workspace).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let workspace = &workspace;
            scope.spawn(move || {
                for index in 0..10 {
                    append(workspace, &clock(0), vec![entry(&format!("{thread}-{index}"))]).unwrap();
                }
            });
        }
    });
    let report = verify(&workspace).unwrap();
    assert_eq!((report.lines.len(), report.broken.len()), (40, 0));
}

#[test]
fn a_second_machine_has_a_chain_of_its_own() {
    let scratch = Scratch::new();
    let workspace = workspace(&scratch);
    append(&workspace, &clock(0), vec![entry("a")]).unwrap();
    files::remove(&workspace.state().join("writer")).unwrap();
    append(&workspace, &clock(0), vec![entry("b")]).unwrap();
    let report = verify(&workspace).unwrap();
    assert_eq!(report.broken, Vec::<String>::new());
    assert_eq!(report.lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_line_of_a_newer_writer_is_read_as_far_as_it_is_known() {
    let newer = r#"{"v":2,"writer":"w","seq":1,"ts":"2026-11-22T10:00:00Z","kind":"k","subject":"s","mood":"calm","prev":""}"#;
    let line: Line = serde_json::from_str(newer).unwrap();
    assert_eq!((line.v, line.entry.kind.as_str()), (2, "k"));
}

#[test]
fn an_append_to_a_large_file_reads_its_end() {
    let scratch = Scratch::new();
    let workspace = workspace(&scratch);
    append(&workspace, &clock(0), (0..20_000).map(|index| entry(&index.to_string())).collect()).unwrap();
    let path = path(&workspace);
    let length = files::stamp(&path).unwrap().length;
    let mut lines = Backwards::open(&path);
    assert_eq!(lines.before().unwrap().as_deref(), Some(&b""[..]), "nothing is torn");
    lines.before().unwrap().unwrap();
    assert!(lines.read * 30 < length, "{} of {length} bytes were read", lines.read);

    append(&workspace, &clock(1), vec![entry("b")]).unwrap();
    assert_eq!(verify(&workspace).unwrap().broken, Vec::<String>::new());
}

#[test]
fn a_writer_finds_its_line_behind_many_of_others() {
    let scratch = Scratch::new();
    let workspace = workspace(&scratch);
    append(&workspace, &clock(0), vec![entry("a"), entry("b")]).unwrap();
    let first = writer(&workspace).unwrap();
    files::remove(&workspace.state().join("writer")).unwrap();
    append(&workspace, &clock(0), (0..3_000).map(|index| entry(&index.to_string())).collect()).unwrap();
    files::write(&workspace.state().join("writer"), &first).unwrap();
    let line = append(&workspace, &clock(40 * 86_400), vec![entry("c")]).unwrap().remove(0);
    assert_eq!((line.writer, line.seq), (first, 3));
    assert_eq!(verify(&workspace).unwrap().broken, Vec::<String>::new());
}

#[test]
fn a_line_of_a_newer_version_is_named_and_nothing_is_written_after_it() {
    for more in ["", r#","seq":"two""#] {
        let scratch = Scratch::new();
        let workspace = workspace(&scratch);
        append(&workspace, &clock(0), vec![entry("a"), entry("b")]).unwrap();
        let text = files::read_text(&path(&workspace)).unwrap().unwrap();
        let newer =
            text.replacen("{\"v\":1", "{\"v\":2", 2).replace("\"seq\":2", &format!("\"seq\":2{more}"));
        let newer = newer.replacen("{\"v\":2", "{\"v\":1", 1);
        files::write(&path(&workspace), &newer).unwrap();
        let broken = verify(&workspace).unwrap().broken;
        assert_eq!(
            broken,
            [".xtask/journal/1970-01.jsonl:2: a line of version 2, and this xtask knows 1: update it"]
        );
        let error = append(&workspace, &clock(1), vec![entry("c")]).unwrap_err().to_string();
        assert!(error.contains("version 2") && error.contains("nothing was written"), "{error}");
        assert_eq!(files::read_text(&path(&workspace)).unwrap(), Some(newer));
    }
}
