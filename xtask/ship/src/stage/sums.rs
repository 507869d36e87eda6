//! `SHA256SUMS`: a line for each asset, as `sha256sum --check` reads them.

use std::collections::BTreeMap;

use nexus_xtask::digest::Digest;

/// The list of these files, sorted by name.
pub(crate) fn text<'a>(files: impl IntoIterator<Item = (&'a str, Digest)>) -> String {
    let sorted: BTreeMap<_, _> = files.into_iter().collect();
    sorted.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

/// The files of a list, or each line that is none.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, Digest>, Vec<String>> {
    let mut files = BTreeMap::new();
    let mut wrong = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let parsed = line.split_once("  ").and_then(|(digest, name)| Some((name, digest.parse().ok()?)));
        match parsed {
            Some((name, digest)) if !name.is_empty() && !files.contains_key(name) => {
                files.insert(name.to_owned(), digest);
            }
            _ => wrong.push(format!("line {} is no checksum of a new file", number + 1)),
        }
    }
    if wrong.is_empty() { Ok(files) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back_as_it_was_written() {
        let files = [("one.tar.gz", Digest::of("1")), ("a b.zip", Digest::of("2"))];
        let list = text(files);
        assert_eq!(
            list,
            "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35  a b.zip\n\
             6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b  one.tar.gz\n"
        );
        let expected = files.map(|(name, digest)| (name.to_owned(), digest));
        assert_eq!(parse(&list), Ok(expected.into()));
    }

    #[test]
    fn lines_that_are_no_checksums_are_counted() {
        let digest = Digest::of("1");
        let list = format!("{digest}  one\n{digest} two\nxyz  three\n{digest}  one\n");
        let expected = [2, 3, 4].map(|line| format!("line {line} is no checksum of a new file"));
        assert_eq!(parse(&list), Err(expected.into()));
    }
}
