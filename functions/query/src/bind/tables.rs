//! The tables that a query names.

use std::ops::ControlFlow;

use sqlparser::ast::{ObjectName, Query, Visit, Visitor};

/// Collects them, without those that WITH makes.
struct Tables<'t> {
    found: &'t mut Vec<String>,
    /// Names made by WITH, a list for each query around.
    made: Vec<Vec<String>>,
    /// Queries of WITH by where they are, and the names they make when they have ended.
    coming: Vec<(*const Query, String)>,
}

impl Visitor for Tables<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.made.push(Vec::new());
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.coming.push((&raw const *table.query, table.alias.name.value.to_lowercase()));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.made.pop();
        let made = self.coming.iter().find(|(place, _)| std::ptr::eq(*place, query));
        if let (Some((_, name)), Some(names)) = (made, self.made.last_mut()) {
            names.push(name.clone());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if let [part] = relation.0.as_slice()
            && let Some(ident) = part.as_ident()
        {
            let name = ident.value.to_lowercase();
            let made = self.made.iter().flatten().any(|other| *other == name);
            if !made && !self.found.iter().any(|other| other.to_lowercase() == name) {
                self.found.push(ident.value.clone());
            }
        }
        ControlFlow::Continue(())
    }
}

/// The tables that a query names, each once, in their order.
pub(crate) fn tables_of(query: &Query, found: &mut Vec<String>) {
    let mut tables = Tables { found, made: Vec::new(), coming: Vec::new() };
    let ended = query.visit(&mut tables);
    debug_assert!(ended.is_continue());
}
