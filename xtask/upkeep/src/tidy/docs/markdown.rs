//! As much of Markdown as the rule about documents needs: fenced blocks, headings, links and code spans.

/// A document.
pub(super) struct Page<'a> {
    /// Its lines.
    pub(super) lines: Vec<Line<'a>>,
}

/// A line of a document.
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: usize,
    /// The line as it is.
    pub(super) text: &'a str,
    /// What the fence around it says it is (`console`); `None` outside of a fenced block.
    pub(super) fence: Option<String>,
}

impl<'a> Page<'a> {
    /// Reads a document. The lines of the fences themselves are left out.
    pub(super) fn of(text: &'a str) -> Page<'a> {
        let mut lines = Vec::new();
        let mut fence: Option<(&str, String)> = None;
        for (index, text) in text.lines().enumerate() {
            let trimmed = text.trim_start();
            let marks = &trimmed[..trimmed.len() - trimmed.trim_start_matches('`').len()];
            match &fence {
                Some((open, _)) if marks.len() >= open.len() && trimmed == marks => fence = None,
                None if marks.len() >= 3 => fence = Some((marks, trimmed[marks.len()..].trim().to_owned())),
                _ => lines.push(Line {
                    number: index + 1,
                    text,
                    fence: fence.as_ref().map(|(_, language)| language.clone()),
                }),
            }
        }
        Page { lines }
    }

    /// The anchors of the headings, as GitHub makes them, and those that are written out: `<a id="NAME">`.
    pub(super) fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        for title in self.lines.iter().filter_map(Line::heading) {
            let anchor: String = title
                .to_lowercase()
                .chars()
                .filter(|next| next.is_alphanumeric() || " -_".contains(*next))
                .map(|next| if next == ' ' { '-' } else { next })
                .collect();
            let again = (1..).map(|count| format!("{anchor}-{count}"));
            let free = std::iter::once(anchor.clone()).chain(again).find(|name| !anchors.contains(name));
            anchors.extend(free);
        }
        let named = self.lines.iter().filter(|line| line.fence.is_none()).filter_map(|line| {
            line.text.split_once("<a id=\"")?.1.split_once('"').map(|(name, _)| name.to_owned())
        });
        anchors.extend(named);
        anchors
    }

    /// The lines below a heading of the second level, up to the next one.
    pub(super) fn section(&self, title: &str) -> &[Line<'a>] {
        let is_start = |line: &Line| line.fence.is_none() && line.text.strip_prefix("## ") == Some(title);
        let Some(start) = self.lines.iter().position(is_start) else { return &[] };
        let rest = &self.lines[start + 1..];
        let end = rest.iter().position(|line| line.fence.is_none() && line.text.starts_with("## "));
        &rest[..end.unwrap_or(rest.len())]
    }
}

impl<'a> Line<'a> {
    fn heading(&self) -> Option<&'a str> {
        let title = self.text.trim_start_matches('#');
        let level = self.text.len() - title.len();
        ((1..=6).contains(&level) && self.fence.is_none()).then(|| title.strip_prefix(' '))?
    }

    /// The targets of links and pictures. Text in code is no link.
    pub(super) fn links(&self) -> Vec<&'a str> {
        if self.fence.is_some() {
            return Vec::new();
        }
        let mut targets: Vec<_> = self
            .text
            .split('`')
            .step_by(2)
            .flat_map(|text| text.split("](").skip(1))
            .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
            .collect();
        // A link whose text is code is cut apart above: its target is at the beginning of the next piece.
        targets.extend(self.text.split("`](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)));
        targets.extend(self.definition());
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    /// `[name]: target`
    fn definition(&self) -> Option<&'a str> {
        let (name, target) = self.text.strip_prefix('[')?.split_once("]: ")?;
        (!name.contains(['[', ']'])).then(|| target.split(' ').next())?
    }

    /// The texts between backticks.
    pub(super) fn spans(&self) -> Vec<&'a str> {
        let mut spans = Vec::new();
        let mut rest = self.text;
        while let Some((_, after)) = rest.split_once('`') {
            let Some((span, after)) = after.split_once('`') else { break };
            spans.push(span);
            rest = after;
        }
        spans
    }
}
