//! The frame of every HTML page that pgkit writes. A page is one self-contained file that loads nothing
//! from elsewhere. The template library escapes every text that is inserted.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::escape;

/// The style sheet that all pages share, with a light and a dark color scheme.
const STYLE: &str = include_str!("page.css");

/// Returns an HTML page with this title, style sheet, script and body. Its content security policy allows only this
/// style sheet and this script.
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

/// Returns the text with every character that reorders or hides text replaced by an escape.
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
