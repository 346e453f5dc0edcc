//! Name lookup in four bytes a name, a fraction of what a map takes.

/// Finds the positions of names.
#[derive(Debug)]
pub(crate) struct Names<'n, T> {
    named: &'n [T],
    name: fn(&T) -> &str,
    /// Sorted by name; among equal names, by position.
    order: Vec<Position>,
}

/// The position of a name. Not `Copy`: sorting `Copy` types pulls in an algorithm of 20 kB in the wasm
/// module.
#[derive(Debug)]
struct Position(u32);

impl<'n, T> Names<'n, T> {
    /// Allocates four bytes a name.
    pub(crate) fn new(named: &'n [T], name: fn(&T) -> &str) -> Self {
        let mut order: Vec<Position> = (0..named.len() as u32).map(Position).collect();
        sort(&mut order, &|position| named.get(position.0 as usize).map(name));
        Self { named, name, order }
    }

    /// A name that occurs twice.
    pub(crate) fn twice(&self) -> Option<&'n str> {
        let names = || self.order.iter().map(|position| self.name_of(position));
        names().zip(names().skip(1)).find(|(name, next)| name == next).and_then(|(name, _)| name)
    }

    /// The first position of a name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let at = self.order.partition_point(|position| self.name_of(position) < Some(name));
        let position = self.order.get(at)?;
        (self.name_of(position) == Some(name)).then_some(position.0 as usize)
    }

    /// The number of names.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    fn name_of(&self, position: &Position) -> Option<&'n str> {
        self.named.get(position.0 as usize).map(self.name)
    }
}

/// Not generic over `T`, so that all kinds of names share one sort.
fn sort<'n>(order: &mut [Position], name: &dyn Fn(&Position) -> Option<&'n str>) {
    order.sort_unstable_by(|a, b| name(a).cmp(&name(b)).then(a.0.cmp(&b.0)));
}

/// The longest name that others may refer to, in bytes.
pub(crate) const MAX_NAME: usize = 1024;

/// A name as an error shows it, cut to [`MAX_NAME`] bytes.
pub(crate) fn shown(name: &str) -> &str {
    name.get(..name.floor_char_boundary(MAX_NAME)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_names_is_found() {
        let names = ["b", "a", "b", "", "ab"];
        let found = Names::new(&names, |name| name);
        for (name, position) in
            [("b", Some(0)), ("a", Some(1)), ("", Some(3)), ("ab", Some(4)), ("c", None), ("0", None)]
        {
            assert_eq!(found.find(name), position, "{name}");
        }
    }

    #[test]
    fn names_that_are_there_twice_are_found() {
        assert_eq!(Names::new(&["b", "a", "b"], |name| name).twice(), Some("b"));
        assert_eq!(Names::new(&["b", "a"], |name| name).twice(), None);
    }

    #[test]
    fn long_names_are_cut_between_letters() {
        let long = "é".repeat(MAX_NAME);
        assert_eq!(shown(&long).len(), MAX_NAME);
        assert_eq!(shown(&format!("e{long}")).len(), MAX_NAME - 1);
        assert_eq!(shown("short"), "short");
    }
}
