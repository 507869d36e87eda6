use expect_test::{Expect, expect};

use nexus_xtask::digest::Digest;

use super::*;

/// When the commit of these archives was made.
const TIME: i64 = 1_767_323_045;

fn entries() -> Vec<Entry> {
    let entry = |path: &str, bytes: &str, program| Entry {
        path: path.to_owned(),
        bytes: bytes.as_bytes().to_vec(),
        program,
    };
    // Longer than the hundred bytes that the oldest form of a tar header has for a name.
    let long = format!("one/{}file", "long/".repeat(30));
    vec![entry("one/README.md", "Read.\n", false), entry(&long, "", false), entry("one/one", "run", true)]
}

#[test]
fn archives_read_back_as_they_were_packed_and_depend_on_nothing_else() {
    for name in ["one.tar.gz", "one.zip"] {
        let packed = pack(name, &entries(), TIME).unwrap();
        assert_eq!(read(name, &packed).unwrap(), entries(), "{name}");
        assert_eq!(pack(name, &entries(), TIME).unwrap(), packed, "{name}");
        // The commit's time is in it, and a time before the format's beginning is none to fail at.
        assert_ne!(pack(name, &entries(), TIME + 2).unwrap(), packed, "{name}");
        assert_eq!(read(name, &pack(name, &entries(), 0).unwrap()).unwrap(), entries(), "{name}");
    }
}

#[test]
fn the_bytes_of_an_archive_change_only_on_purpose() {
    let digest = |name| Digest::of(pack(name, &entries()[..1], TIME).unwrap()).short();
    expect!["30a6286e 0a1ce3e5"].assert_eq(&format!("{} {}", digest("one.tar.gz"), digest("one.zip")));
}

/// An archive with one entry, written without any of our checks.
fn raw(path: &str, kind: tar::EntryType) -> Vec<u8> {
    let mut header = tar::Header::new_old();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    if kind == tar::EntryType::Symlink {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    let gz = flate2::GzBuilder::new().write(Vec::new(), Compression::default());
    let mut archive = tar::Builder::new(gz);
    archive.append(&header, std::io::empty()).unwrap();
    archive.into_inner().unwrap().finish().unwrap()
}

#[track_caller]
fn check_refused(name: &str, bytes: &[u8], expected: Expect) {
    let folder = std::env::temp_dir().join(format!("xtask-ship-unpack-{}", std::process::id()));
    let error = unpack(name, bytes, &folder).unwrap_err();
    let said = format!("{error:#}").replacen(&format!("`{name}` is no archive as we make them: "), "", 1);
    expected.assert_eq(&said);
    assert!(!folder.exists());
}

#[test]
fn whatever_leads_out_of_an_archive_is_refused_before_anything_is_written() {
    let file = |path| raw(path, tar::EntryType::Regular);
    check_refused("a.tar.gz", &file("../evil"), expect!["`../evil` leads out of the archive"]);
    check_refused("a.tar.gz", &file("/etc/evil"), expect!["`/etc/evil` leads out of the archive"]);
    check_refused("a.tar.gz", &file("a/../../evil"), expect!["`a/../../evil` leads out of the archive"]);
    check_refused("a.tar.gz", &file("c:evil"), expect!["`c:evil` leads out of the archive"]);
    check_refused(
        "a.tar.gz",
        &raw("a/link", tar::EntryType::Symlink),
        expect!["`a/link` is no plain file but Symlink"],
    );
    check_refused(
        "a.tar.gz",
        &raw("a/link", tar::EntryType::Link),
        expect!["`a/link` is no plain file but Link"],
    );
    check_refused("a.tar.gz", b"<html>", expect!["unexpected end of file"]);
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("../evil", zip::write::SimpleFileOptions::default()).unwrap();
    check_refused(
        "a.zip",
        &zip.finish().unwrap().into_inner(),
        expect!["`../evil` leads out of the archive"],
    );
}
