//! Text of SQL that names its tenant.

/// Text of SQL in which the tenant is `$1`. Only [`scoped!`] makes it, which refuses text without
/// that when it is compiled.
#[derive(Clone, Copy)]
pub(crate) struct Scoped(&'static str);

impl Scoped {
    /// This text. Called in constants alone, where a panic is an error of the compiler.
    pub(crate) const fn new(sql: &'static str) -> Self {
        let is_scoped = has(sql, "tenant = $1") || has(sql, "VALUES ($1") || has(sql, "SELECT $1,");
        assert!(is_scoped, "a query of a tenant's has to say `tenant = $1`");
        Self(sql)
    }

    pub(super) fn text(self) -> &'static str {
        self.0
    }
}

const fn has(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let mut at = 0;
    while at + part.len() <= text.len() {
        let mut len = 0;
        while len < part.len() && text[at + len] == part[len] {
            len += 1;
        }
        if len == part.len() {
            return true;
        }
        at += 1;
    }
    false
}

/// Text of SQL that names its tenant, checked when it is compiled.
macro_rules! scoped {
    ($sql:expr) => {{
        const SQL: $crate::database::Scoped = $crate::database::Scoped::new($sql);
        SQL
    }};
}
pub(crate) use scoped;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_the_tenant_is_refused() {
        assert_eq!(
            scoped!("SELECT 1 FROM devices WHERE tenant = $1").text().len(),
            "SELECT 1 FROM devices WHERE tenant = $1".len()
        );
        for wrong in ["", "SELECT 1 FROM devices", "SELECT 1 FROM devices WHERE tenant = $2"] {
            assert!(std::panic::catch_unwind(|| Scoped::new(wrong)).is_err(), "{wrong}");
        }
    }
}
