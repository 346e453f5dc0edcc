//! Names in a customer's rows that the schema does not know: a misspelt name would otherwise go missing
//! silently.

use crate::Error;
use crate::names::shown;

/// The most names reported; of more, only that there are more.
const TOLD: usize = 20;

/// The paths that were ignored.
pub(super) struct Ignored {
    paths: Vec<String>,
    is_refused: bool,
}

impl Ignored {
    /// Starts empty. Unknown names are refused at once if `is_refused`, else reported in the end.
    pub(super) fn new(is_refused: bool) -> Self {
        Self { paths: Vec::new(), is_refused }
    }

    /// Adds a path whose last part is not among the known names.
    ///
    /// # Errors
    /// [`Error::Unknown`] if unknown names are refused.
    pub(super) fn note<'n, N: Iterator<Item = &'n String>>(
        &mut self,
        path: &str,
        what: &str,
        known: impl Fn() -> N,
    ) -> Result<(), Error> {
        let path = shown(path);
        if self.is_refused {
            let name = path.rsplit('.').next().unwrap_or(path);
            let meant = known().find(|known| is_near(known, name));
            let meant = meant.map_or_else(String::new, |known| format!("; did you mean {known}?"));
            let message = format!("the model reads no {what} of this name{meant}");
            return Err(Error::Unknown { path: path.to_owned(), message });
        }
        if self.paths.len() <= TOLD && !self.paths.iter().any(|told| told == path) {
            self.paths.push(if self.paths.len() < TOLD { path.to_owned() } else { "…".to_owned() });
        }
        Ok(())
    }

    /// The paths; the last is `…` if there were too many.
    pub(super) fn into_paths(self) -> Vec<String> {
        self.paths
    }
}

/// Whether two names differ only in case, or in one letter that is missing, added, replaced or swapped with
/// its neighbour.
fn is_near(known: &str, name: &str) -> bool {
    let (known, name) = (known.to_lowercase().into_bytes(), name.to_lowercase().into_bytes());
    let alike = known.iter().zip(&name).take_while(|(a, b)| a == b).count();
    let ((_, known), (_, name)) = (known.split_at(alike), name.split_at(alike));
    match (known, name) {
        ([], []) => true,
        ([_, known @ ..], []) => known.is_empty(),
        ([], [_, name @ ..]) => name.is_empty(),
        ([a, known_rest @ ..], [b, name_rest @ ..]) => {
            let is_swapped = known_rest.strip_prefix(&[*b]).zip(name_rest.strip_prefix(&[*a]));
            known_rest == name_rest
                || known_rest == name
                || known == name_rest
                || is_swapped.is_some_and(|(known, name)| known == name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> impl Iterator<Item = &'static String> {
        static NAMES: std::sync::LazyLock<[String; 2]> =
            std::sync::LazyLock::new(|| ["accounts".to_owned(), "INCOME".to_owned()]);
        NAMES.iter()
    }

    #[test]
    fn each_path_is_told_once_and_of_many_the_first() {
        let mut ignored = Ignored::new(false);
        for path in ["a", "b.c", "a"] {
            ignored.note(path, "table", names).unwrap();
        }
        for number in 0..100 {
            ignored.note(&format!("t.{number}"), "column", names).unwrap();
        }
        let paths = ignored.into_paths();
        assert_eq!((paths.len(), &paths[..3]), (21, &["a", "b.c", "t.0"].map(String::from)[..]));
        assert_eq!(paths.last().unwrap(), "…");
    }

    #[test]
    fn what_is_refused_may_be_what_was_meant() {
        for (path, meant) in [
            ("acounts", "; did you mean accounts?"),
            ("acccounts", "; did you mean accounts?"),
            ("accuonts", "; did you mean accounts?"),
            ("accountz", "; did you mean accounts?"),
            ("Accounts", "; did you mean accounts?"),
            ("customer.Incom", "; did you mean INCOME?"),
            ("customer.CITY", ""),
            ("", ""),
        ] {
            let refused = Ignored::new(true).note(path, "column", names).unwrap_err();
            let message = format!("the model reads no column of this name{meant}");
            assert_eq!(refused, Error::Unknown { path: path.into(), message });
        }
    }
}
