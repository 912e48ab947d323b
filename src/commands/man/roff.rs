//! Turns a page of `docs`, which is Markdown, into the source of a manual page.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Returns a page of section 7 with this name. The first heading is its title.
pub fn page(name: &str, markdown: &str) -> String {
    let mut page = Page::default();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        page.add(name, event);
    }
    page.out
}

/// Escapes text for troff, as ASCII. `at_start` tells whether it begins a line, where a dot would begin a request.
pub fn escaped(text: &str, at_start: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut starts = at_start;
    for c in text.chars() {
        match c {
            '.' | '\'' if starts => {
                out.push_str("\\&");
                out.push(c);
            }
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '…' => out.push_str("..."),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            c if c.is_ascii() => out.push(c),
            c => out.push_str(&format!("\\[u{:04X}]", u32::from(c))),
        }
        starts = c == '\n';
    }
    out
}

#[derive(Default)]
struct Page {
    out: String,
    /// The text read so far of the current heading or table cell.
    held: Option<String>,
    /// How many lists are open.
    depth: usize,
    /// Whether the item of a list has only begun, so that its first paragraph needs no request.
    fresh_item: bool,
    in_code: bool,
    in_head: bool,
    /// The number of the cell in its row.
    cell: usize,
    link: Option<String>,
}

impl Page {
    fn add(&mut self, name: &str, event: Event) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(name, tag),
            Event::Text(text) if self.in_code => self.push_raw(&escaped(&text, true)),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                self.push("\\fB");
                self.text(&code);
                self.push("\\fR");
            }
            Event::SoftBreak => self.push("\n"),
            Event::HardBreak => self.request(".br"),
            Event::Rule | Event::Html(_) | Event::InlineHtml(_) | Event::FootnoteReference(_) => {}
            Event::TaskListMarker(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag) {
        match tag {
            Tag::Heading { .. } => self.held = Some(String::new()),
            Tag::Paragraph if self.fresh_item => self.fresh_item = false,
            Tag::Paragraph => self.request(if self.depth == 0 { ".PP" } else { ".IP" }),
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.in_code = true;
                self.request(".PP\n.RS 4\n.nf");
            }
            Tag::List(_) => {
                if self.depth > 0 {
                    self.request(".RS");
                }
                self.depth += 1;
            }
            Tag::Item => {
                self.request(".IP \\(bu 2");
                self.fresh_item = true;
            }
            Tag::Strong => self.push("\\fB"),
            Tag::Emphasis => self.push("\\fI"),
            Tag::Link { dest_url, .. } => self.link = Some(dest_url.into_string()),
            Tag::TableHead => self.in_head = true,
            Tag::TableRow => self.cell = 0,
            Tag::TableCell => self.held = Some(String::new()),
            _ => {}
        }
    }

    fn end(&mut self, name: &str, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                let text = self.held.take().unwrap_or_default();
                self.heading(name, level, &text);
            }
            TagEnd::Paragraph => self.end_line(),
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.request(".fi\n.RE");
            }
            TagEnd::List(_) => {
                self.depth -= 1;
                if self.depth > 0 {
                    self.request(".RE");
                }
            }
            TagEnd::Item => {
                self.fresh_item = false;
                self.end_line();
            }
            TagEnd::Strong | TagEnd::Emphasis => self.push("\\fR"),
            // A path of the repository says nothing where the page is read.
            TagEnd::Link => {
                if let Some(url) = self.link.take().filter(|url| url.contains("://")) {
                    self.text(&format!(" <{url}>"));
                }
            }
            TagEnd::TableHead => self.in_head = false,
            TagEnd::TableCell => {
                let text = self.held.take().unwrap_or_default();
                if !self.in_head {
                    if self.cell == 0 {
                        self.request(".TP");
                    }
                    self.push(&text);
                    self.end_line();
                }
                self.cell += 1;
            }
            _ => {}
        }
    }

    fn heading(&mut self, name: &str, level: HeadingLevel, text: &str) {
        if level == HeadingLevel::H1 {
            let name = escaped(name, false);
            let version = env!("CARGO_PKG_VERSION");
            self.request(&format!(
                ".TH {} 7 \"\" \"pgkit {version}\"\n.SH NAME\n{name} \\- {text}\n.SH DESCRIPTION",
                name.to_uppercase()
            ));
        } else if level == HeadingLevel::H2 {
            self.request(&format!(".SH \"{}\"", text.to_uppercase().replace("\\FB", "").replace("\\FR", "")));
        } else {
            self.request(&format!(".SS \"{text}\""));
        }
    }

    fn text(&mut self, text: &str) {
        let target = self.held.as_ref().unwrap_or(&self.out);
        let at_start = target.is_empty() || target.ends_with('\n');
        let escaped = escaped(text, at_start);
        self.push(&escaped);
    }

    /// Appends to the text that is held, or to the page.
    fn push(&mut self, text: &str) {
        self.fresh_item = false;
        match &mut self.held {
            Some(held) => held.push_str(text),
            None => self.push_raw(text),
        }
    }

    fn push_raw(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Appends a request, which stands on a line of its own.
    fn request(&mut self, request: &str) {
        self.end_line();
        self.out.push_str(request);
        self.out.push('\n');
    }

    fn end_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn markdown_becomes_requests_and_nothing_in_it_is_one() {
        let text = "# A page\n\nOne `--flag` and *two*.\n.three\n\n## Next `part`\n\n* first\n  more\n\n  again\n* second\n\n\
                    | key | meaning |\n| --- | --- |\n| `a\\|b` | 'what' it is |\n\n```sh\n.cd \\x\n```\n[x](http://h/) [y](y.md) ─\n";
        let expected = ".TH PGKIT\\-X 7 \"\" \"pgkit VERSION\"\n.SH NAME\npgkit\\-x \\- A page\n.SH DESCRIPTION\n.PP\n\
                        One \\fB\\-\\-flag\\fR and \\fItwo\\fR.\n\\&.three\n.SH \"NEXT PART\"\n\
                        .IP \\(bu 2\nfirst\nmore\n.IP\nagain\n.IP \\(bu 2\nsecond\n\
                        .TP\n\\fBa|b\\fR\n\\&'what\\(aq it is\n\
                        .PP\n.RS 4\n.nf\n\\&.cd \\ex\n.fi\n.RE\n.PP\nx <http://h/> y \\[u2500]\n";
        let page = page("pgkit-x", text).replace(env!("CARGO_PKG_VERSION"), "VERSION");
        assert_eq!(page, expected);
    }
}
