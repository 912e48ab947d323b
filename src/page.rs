//! The frame of every page that pgkit writes: one self-contained file, which loads nothing from elsewhere. Every text in it
//! is escaped by its type.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::escape;

/// The colours and the type of every page, light and dark.
const STYLE: &str = include_str!("page.css");

/// Returns a page with this title, style and body. The policy in it allows this style and this script, and nothing else.
pub fn document(title: &str, style: &str, script: Option<&str>, body: &Markup) -> String {
    let style = format!("{STYLE}{style}");
    let digest = |text: &str| {
        format!("'sha256-{}'", openssl::base64::encode_block(&openssl::sha::sha256(text.as_bytes())))
    };
    let scripts = script.map_or(String::new(), |script| format!(" script-src {};", digest(script)));
    let policy = format!(
        "default-src 'none'; style-src {};{scripts} base-uri 'none'; form-action 'none'",
        digest(&style)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(&style)) }
            }
            body {
                (body)
                @if let Some(script) = script { script { (PreEscaped(script)) } }
            }
        }
    };
    page.into_string()
}

/// Returns a text in which everything that reorders or hides text is shown as an escape.
pub fn safe(text: &str) -> String {
    escape::terminal_text(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_allows_its_own_style_and_script_and_escapes_what_it_is_given() {
        let page = document("a <b>", "p{}", Some("let a = 1 < 2;"), &html! { p { (safe("<i>\u{202e}")) } });
        assert!(page.contains("<title>a &lt;b&gt;</title>"), "{page}");
        assert!(
            page.contains("<p>&lt;i&gt;\\u{202e}</p>") && page.contains("<script>let a = 1 < 2;</script>")
        );
        assert!(page.contains("default-src 'none'; style-src 'sha256-"), "{page}");
        assert!(document("a", "", None, &html! {}).contains("default-src 'none'; style-src"));
        assert!(!document("a", "", None, &html! {}).contains("script-src"));
    }
}
