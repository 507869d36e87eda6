//! What the target's script said, as an answer or as a trouble. Pure.

use serde::Deserialize;

use nexus_xtask::shell::Captured;

use crate::deploy::contract::{Answer, Fence, Line, Trouble};

#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Answer(Answer),
    Trouble(Trouble),
}

/// Reads the last line of its output. Without one, nobody knows what was done: `otherwise` says why.
pub fn answer(output: &[u8], otherwise: impl FnOnce() -> String) -> Result<Answer, Trouble> {
    let text = String::from_utf8_lossy(output);
    let Some(last) = text.lines().rev().find(|line| !line.trim().is_empty()) else {
        return Err(Trouble::Unreachable { why: otherwise() });
    };
    match serde_json::from_str(last) {
        Ok(Said::Answer(answer)) => Ok(answer),
        Ok(Said::Trouble(trouble)) => Err(trouble),
        Err(_) => Err(Trouble::Unreachable { why: format!("`{last}` is no answer; {}", otherwise()) }),
    }
}

/// Reads the first line of a lock's session.
pub fn fence(line: &str) -> Result<Fence, Trouble> {
    #[derive(Deserialize)]
    struct Taken {
        fence: Fence,
    }
    if let Ok(taken) = serde_json::from_str::<Taken>(line) {
        return Ok(taken.fence);
    }
    match answer(line.as_bytes(), String::new) {
        Err(trouble) => Err(trouble),
        Ok(_) => Err(Trouble::Unreachable { why: format!("`{line}` is no fence") }),
    }
}

/// Reads a journal. Lines of another shape are an error: a journal with a hole proves nothing.
pub fn journal(output: &[u8]) -> Result<Vec<Line>, Trouble> {
    let text = String::from_utf8_lossy(output);
    text.lines()
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| Trouble::Refused {
                why: format!("line {} of the journal cannot be read: {error}", index + 1),
            })
        })
        .collect()
}

/// Reads a log. A refusal, and a program there that failed, are no log, and neither is half of one.
pub fn log(said: &Captured) -> Result<Vec<String>, Trouble> {
    let text = String::from_utf8_lossy(&said.stdout);
    if !said.is_success() {
        return Err(Trouble::Failed { why: format!("{}: {}", said.ended, said.stderr.trim()) });
    }
    match serde_json::from_str(text.trim()) {
        Ok(Said::Trouble(trouble)) => Err(trouble),
        Ok(Said::Answer(_)) | Err(_) => Ok(text.lines().map(str::to_owned).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, expect: expect_test::Expect) {
        let read = match answer(output.as_bytes(), || "exit 255: connection refused".into()) {
            Ok(answer) => format!("{answer:?}"),
            Err(trouble) => trouble.to_string(),
        };
        expect.assert_eq(&read);
    }

    #[test]
    fn an_answer_is_the_last_line() {
        check("{\"answer\":\"done\"}\n", expect_test::expect!["Done"]);
        check("motd\n{\"answer\":\"drained\",\"cut\":true}\n", expect_test::expect!["Drained { cut: true }"]);
    }

    #[test]
    fn a_trouble_is_told_as_one() {
        check(
            r#"{"trouble":"fenced","newest":7}"#,
            expect_test::expect!["another deployer took the lock since (fence 7)"],
        );
        check(
            r#"{"trouble":"refused","why":"the disk is full"}"#,
            expect_test::expect!["refused: the disk is full"],
        );
    }

    #[test]
    fn silence_and_noise_are_no_answer() {
        check("", expect_test::expect!["no answer: exit 255: connection refused"]);
        check(
            "Segmentation fault",
            expect_test::expect![
                "no answer: `Segmentation fault` is no answer; exit 255: connection refused"
            ],
        );
    }
}
