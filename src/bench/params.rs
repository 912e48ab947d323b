//! The values that go through every variant: `id=100000..103000`, `name=a,b,c`, `name=@file.csv`.

use super::script::Values;
use crate::error::{Error, Result};

/// The maximum number of combinations of values.
const MOST: usize = 10_000_000;

/// One `--param`: a name, or several names from one file, and the values that they take together.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Param {
    names: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

/// Parses all `--param`, and combines each with each. `read` returns the text of a file.
///
/// Errors: one is malformed (64), a file is no csv or lacks the column (65).
pub fn parse(texts: &[String], read: &dyn Fn(&str) -> Result<String>) -> Result<Vec<Values>> {
    let mut params: Vec<Param> = Vec::new();
    let mut files: Vec<(String, Vec<String>)> = Vec::new();
    for text in texts {
        let (name, values) =
            text.split_once('=').filter(|(name, _)| !name.trim().is_empty()).ok_or_else(|| {
                Error::usage(format!("invalid --param {text:?}"))
                    .hint("use --param id=1..100, --param name=a,b,c or --param name=@FILE.csv")
            })?;
        let name = name.trim().to_owned();
        let known =
            params.iter().any(|p| p.names.contains(&name)) || files.iter().any(|(_, n)| n.contains(&name));
        if known {
            return Err(Error::usage(format!("duplicate --param {name}")));
        }
        if let Some(file) = values.strip_prefix('@') {
            // Columns of one file go together, row by row.
            match files.iter_mut().find(|(known, _)| known == file) {
                Some((_, names)) => names.push(name),
                None => files.push((file.to_owned(), vec![name])),
            }
            continue;
        }
        let rows = list(&name, values)?.into_iter().map(|value| vec![Some(value)]).collect();
        params.push(Param { names: vec![name], rows });
    }
    for (file, names) in files {
        let rows = from_csv(&file, &read(&file)?, &names)?;
        params.push(Param { names, rows });
    }
    let all = params.iter().try_fold(1usize, |n, p| n.checked_mul(p.rows.len())).filter(|n| *n <= MOST);
    if all.is_none() {
        return Err(Error::usage(format!("the parameters have more than {MOST} combinations"))
            .hint("use fewer values, or a file that combines them"));
    }
    let mut combined: Vec<Values> = vec![Values::new()];
    for param in &params {
        let mut next = Vec::with_capacity(combined.len() * param.rows.len());
        for values in &combined {
            for row in &param.rows {
                let mut values = values.clone();
                values.extend(param.names.iter().cloned().zip(row.iter().cloned()));
                next.push(values);
            }
        }
        combined = next;
    }
    Ok(combined)
}

/// Parses `1..3` or `a,b,c`.
fn list(name: &str, values: &str) -> Result<Vec<String>> {
    if let Some((from, to)) = values.split_once("..")
        && let (Ok(from), Ok(to)) = (from.trim().parse::<i64>(), to.trim().parse::<i64>())
    {
        if from > to {
            return Err(Error::usage(format!(
                "--param {name}={values}: the first value must not be larger than the last"
            )));
        }
        if u64::try_from(i128::from(to) - i128::from(from)).map_or(true, |n| n >= MOST as u64) {
            return Err(Error::usage(format!("--param {name}={values}: more than {MOST} values")));
        }
        return Ok((from..=to).map(|n| n.to_string()).collect());
    }
    if values.is_empty() {
        return Err(Error::usage(format!("missing value for --param {name}")));
    }
    Ok(values.split(',').map(str::to_owned).collect())
}

fn from_csv(file: &str, text: &str, names: &[String]) -> Result<Vec<Vec<Option<String>>>> {
    let bad = |e: &csv::Error| Error::data(format!("{file}: not a csv file with a header")).caused_by(e);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> =
        reader.headers().map_err(|e| bad(&e))?.iter().map(|h| h.trim().to_owned()).collect();
    let mut columns = Vec::new();
    for name in names {
        let at = header.iter().position(|h| h == name);
        // A file with a single column need not name it.
        let at = at.or((header.len() == 1 && names.len() == 1).then_some(0));
        columns.push(at.ok_or_else(|| {
            Error::data(format!("{file}: unknown column {name:?}"))
                .hint(format!("columns: {}", header.join(", ")))
        })?);
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| bad(&e))?;
        rows.push(
            columns.iter().map(|&at| record.get(at).filter(|t| !t.is_empty()).map(str::to_owned)).collect(),
        );
    }
    if rows.is_empty() {
        return Err(Error::data(format!("{file}: no rows after the header")));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;

    fn all(texts: &[&str]) -> Result<Vec<String>> {
        let texts: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
        let read = |_: &str| Ok("id,name\n1,a\n2,\"b,c\"\n3,\n".to_owned());
        let shown = |values: &Values| {
            values
                .iter()
                .map(|(k, v)| format!("{k}={}", v.as_deref().unwrap_or("NULL")))
                .collect::<Vec<_>>()
                .join(" ")
        };
        Ok(parse(&texts, &read)?.iter().map(shown).collect())
    }

    #[test]
    fn values_come_from_ranges_lists_and_files_and_are_combined() {
        assert_eq!(all(&[]).unwrap(), [""]);
        assert_eq!(all(&["id=-1..1"]).unwrap(), ["id=-1", "id=0", "id=1"]);
        assert_eq!(all(&["a=1..2", "b=x,y"]).unwrap(), ["a=1 b=x", "a=1 b=y", "a=2 b=x", "a=2 b=y"]);
        assert_eq!(all(&["id=@f", "name=@f"]).unwrap(), ["id=1 name=a", "id=2 name=b,c", "id=3 name=NULL"]);
        assert_eq!(all(&["v=1.5"]).unwrap(), ["v=1.5"]);
    }

    #[test]
    fn what_is_no_parameter_is_told() {
        for (texts, exit) in [
            (&["id"][..], Exit::Usage),
            (&["=1"], Exit::Usage),
            (&["id=3..1"], Exit::Usage),
            (&["id=1..99999999999"], Exit::Usage),
            (&["id="], Exit::Usage),
            (&["id=1", "id=2"], Exit::Usage),
            (&["a=1..5000", "b=1..5000"], Exit::Usage),
            (&["x=@f"], Exit::BadInput),
        ] {
            assert_eq!(all(texts).unwrap_err().exit, exit, "{texts:?}");
        }
    }
}
