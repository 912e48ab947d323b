//! The modules of the crate, and what each uses.
#![expect(clippy::unwrap_used, reason = "a source that cannot be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::Visit;

/// The crate's source files.
pub struct Source {
    /// By the path of the module: `["log", "decode"]` for `src/log/decode/mod.rs`.
    files: BTreeMap<Vec<String>, File>,
}

struct File {
    /// Relative to `src`.
    path: String,
    text: String,
}

/// One use of a module by a file.
pub struct Arrow {
    /// The file that uses it.
    pub file: String,
    from: Vec<String>,
    /// The module that is used.
    pub to: String,
    /// As it is written.
    pub path: String,
}

impl Arrow {
    /// The room of the file.
    pub fn user(&self) -> &str {
        &self.from[0]
    }

    /// The room of the module that is used.
    pub fn used(&self) -> &str {
        self.to.split("::").next().unwrap_or(&self.to)
    }
}

impl Source {
    pub fn read(folder: &str) -> Source {
        let mut files = BTreeMap::new();
        collect(Path::new(folder), &mut Vec::new(), folder, &mut files);
        assert!(files.len() > 100, "only {} files in {folder}", files.len());
        Source { files }
    }

    /// Adds a line at the end of a file, in memory.
    pub fn append(&mut self, path: &str, line: &str) {
        let file = self.files.values_mut().find(|file| file.path == path).unwrap();
        file.text.push_str(line);
    }

    pub fn rooms(&self) -> BTreeSet<String> {
        self.files.keys().map(|module| module[0].clone()).collect()
    }

    /// Every use of another module of the crate, outside tests.
    pub fn arrows(&self) -> Vec<Arrow> {
        self.arrows_of(|_| true)
    }

    /// Those of the files with these paths.
    pub fn arrows_of(&self, is_meant: impl Fn(&str) -> bool) -> Vec<Arrow> {
        let mut arrows = Vec::new();
        for (module, file) in self.files.iter().filter(|(_, file)| is_meant(&file.path)) {
            let parsed = syn::parse_file(&file.text).unwrap_or_else(|e| panic!("{}: {e}", file.path));
            let mut uses = Uses { module: module.clone(), found: BTreeSet::new() };
            uses.visit_file(&parsed);
            for path in uses.found {
                // The longest beginning of the path that is a module.
                let to = (1..=path.len()).rev().map(|n| &path[..n]).find(|to| self.files.contains_key(*to));
                let Some(to) = to.filter(|to| *to != module.as_slice()) else { continue };
                arrows.push(Arrow {
                    file: format!("src/{}", file.path),
                    from: module.clone(),
                    to: to.join("::"),
                    path: path.join("::"),
                });
            }
        }
        arrows
    }

    /// What stands in files `mod.rs` beside modules, uses and constants: file and item.
    pub fn logic_in_mod_files(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for file in self.files.values().filter(|file| file.path.ends_with("mod.rs")) {
            for item in syn::parse_file(&file.text).unwrap().items {
                let allowed = matches!(item, syn::Item::Mod(_) | syn::Item::Use(_) | syn::Item::Const(_));
                if !allowed {
                    wrong.push(format!("src/{}", file.path));
                    break;
                }
            }
        }
        wrong
    }
}

fn collect(folder: &Path, module: &mut Vec<String>, root: &str, files: &mut BTreeMap<Vec<String>, File>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            module.push(name);
            collect(&path, module, root, files);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut of_file = module.clone();
            if name != "mod" {
                of_file.push(name);
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root).unwrap().display().to_string();
            files.insert(of_file, File { path, text });
        }
    }
}

/// Collects the paths that lead to other modules of the crate, from its root on.
struct Uses {
    module: Vec<String>,
    found: BTreeSet<Vec<String>>,
}

impl Uses {
    /// A path as it is written, where it begins with `crate`, `self` or `super`.
    fn add(&mut self, written: &[String]) {
        let mut at = self.module.clone();
        let mut rest = written;
        match rest.first().map(String::as_str) {
            Some("crate") => {
                at.clear();
                rest = &rest[1..];
            }
            Some("self") => rest = &rest[1..],
            Some("super") => {
                while rest.first().is_some_and(|word| word == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            _ => return,
        }
        at.extend(rest.iter().cloned());
        self.found.insert(at);
    }

    /// The arguments of a macro or an attribute are tokens: `crate :: commands :: args`.
    fn add_tokens(&mut self, tokens: &str) {
        let text = tokens.replace(" :: ", "::");
        let words = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':')));
        for word in words.filter(|word| word.contains("::")) {
            let written: Vec<String> = word.split("::").map(str::to_owned).collect();
            self.add(&written);
        }
    }

    fn add_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) if name.ident == "self" => self.add(before),
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(name) => self.add(&with(&name.ident)),
            syn::UseTree::Glob(_) => self.add(before),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(before, tree)),
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.add_tree(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let written: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(&written);
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.add_tokens(&mac.tokens.to_string());
        syn::visit::visit_macro(self, mac);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.add_tokens(&list.tokens.to_string());
        syn::visit::visit_meta_list(self, list);
    }
}
