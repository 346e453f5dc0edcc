//! What the bank sells and where: the two static tables.

use core::ops::{Index, IndexMut};

/// The bank's products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is described by its `ProductSpec`")]
pub enum Product {
    CurrentAccount,
    SavingsAccount,
    CreditCard,
    PersonalLoan,
    HomeLoan,
    AutoLoan,
    TermDeposit,
    InvestmentFund,
    LifeInsurance,
    StudentLoan,
}

/// One row of BANKING_PRODUCT.
#[derive(Clone, Copy, Debug)]
pub struct ProductSpec {
    /// PRODUCTID.
    pub id: &'static str,
    /// PRODUCTNAME.
    pub name: &'static str,
    /// CATEGORY.
    pub category: &'static str,
    /// MINAMOUNT and MAXAMOUNT in whole currency units.
    pub amount: Option<(u32, u32)>,
    /// MINTERMMONTHS and MAXTERMMONTHS.
    pub term_months: Option<(u16, u16)>,
    /// MARGIN in ten-thousandths of the amount a year.
    pub margin_bp: u16,
    /// MINAGE in years, on the day of origination.
    pub min_age: u8,
    /// REPEATABLE: whether a customer may ever take a second one.
    pub repeatable: bool,
}

impl Product {
    /// Number of products.
    pub const COUNT: usize = 10;

    /// All products, in the order of BANKING_PRODUCT.
    pub const ALL: [Self; Self::COUNT] = [
        Self::CurrentAccount,
        Self::SavingsAccount,
        Self::CreditCard,
        Self::PersonalLoan,
        Self::HomeLoan,
        Self::AutoLoan,
        Self::TermDeposit,
        Self::InvestmentFund,
        Self::LifeInsurance,
        Self::StudentLoan,
    ];

    /// The product's row in BANKING_PRODUCT.
    #[must_use]
    pub const fn spec(self) -> ProductSpec {
        const fn spec(id: &'static str, name: &'static str, category: &'static str) -> ProductSpec {
            ProductSpec {
                id,
                name,
                category,
                amount: None,
                term_months: None,
                margin_bp: 0,
                min_age: 18,
                repeatable: false,
            }
        }
        match self {
            Self::CurrentAccount => ProductSpec {
                margin_bp: 40,
                min_age: 16,
                ..spec("CURRENT_ACCOUNT", "Current Account", "ACCOUNT")
            },
            Self::SavingsAccount => ProductSpec {
                amount: Some((1, 250_000)),
                margin_bp: 80,
                ..spec("SAVINGS_ACCOUNT", "Savings Account", "SAVINGS")
            },
            Self::CreditCard => ProductSpec {
                amount: Some((500, 25_000)),
                margin_bp: 900,
                min_age: 21,
                ..spec("CREDIT_CARD", "Credit Card", "CARD")
            },
            Self::PersonalLoan => ProductSpec {
                amount: Some((1_000, 75_000)),
                term_months: Some((6, 84)),
                margin_bp: 550,
                min_age: 21,
                repeatable: true,
                ..spec("PERSONAL_LOAN", "Personal Loan", "LOAN")
            },
            Self::HomeLoan => ProductSpec {
                amount: Some((40_000, 2_000_000)),
                term_months: Some((120, 360)),
                margin_bp: 120,
                min_age: 23,
                ..spec("HOME_LOAN", "Home Loan", "LOAN")
            },
            Self::AutoLoan => ProductSpec {
                amount: Some((3_000, 120_000)),
                term_months: Some((12, 84)),
                margin_bp: 280,
                min_age: 21,
                repeatable: true,
                ..spec("AUTO_LOAN", "Auto Loan", "LOAN")
            },
            Self::TermDeposit => ProductSpec {
                amount: Some((1_000, 2_000_000)),
                term_months: Some((3, 60)),
                margin_bp: 70,
                repeatable: true,
                ..spec("TERM_DEPOSIT", "Term Deposit", "SAVINGS")
            },
            Self::InvestmentFund => ProductSpec {
                amount: Some((500, 2_000_000)),
                margin_bp: 110,
                repeatable: true,
                ..spec("INVESTMENT_FUND", "Investment Fund", "INVESTMENT")
            },
            Self::LifeInsurance => ProductSpec {
                amount: Some((10_000, 1_000_000)),
                term_months: Some((60, 360)),
                margin_bp: 30,
                min_age: 25,
                ..spec("LIFE_INSURANCE", "Life Insurance", "INSURANCE")
            },
            Self::StudentLoan => ProductSpec {
                amount: Some((1_000, 60_000)),
                term_months: Some((24, 180)),
                margin_bp: 150,
                ..spec("STUDENT_LOAN", "Student Loan", "LOAN")
            },
        }
    }

    /// Whether the customer owes the amount (and pays it back in instalments).
    pub(super) const fn is_loan(self) -> bool {
        matches!(self, Self::PersonalLoan | Self::HomeLoan | Self::AutoLoan | Self::StudentLoan)
    }

    /// The most that a customer may hold at one time.
    pub(super) const fn max_open(self) -> usize {
        match self {
            Self::PersonalLoan => 2,
            Self::TermDeposit => 4,
            Self::InvestmentFund => 3,
            _ => 1,
        }
    }
}

/// Where an account was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what they are")]
pub enum Channel {
    Branch,
    Mobile,
    Web,
    Phone,
    Partner,
}

impl Channel {
    /// All channels, in the order of CHANNEL.
    pub const ALL: [Self; 5] = [Self::Branch, Self::Mobile, Self::Web, Self::Phone, Self::Partner];

    /// CHANNELID.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Branch => "BRANCH",
            Self::Mobile => "MOBILE",
            Self::Web => "WEB",
            Self::Phone => "PHONE",
            Self::Partner => "PARTNER",
        }
    }

    /// CHANNELNAME.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Branch => "Branch",
            Self::Mobile => "Mobile App",
            Self::Web => "Web Bank",
            Self::Phone => "Contact Centre",
            Self::Partner => "Partner",
        }
    }
}

/// One number for each product.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ByProduct([f64; Product::COUNT]);

impl ByProduct {
    pub(super) const ZERO: Self = Self([0.0; Product::COUNT]);

    pub(super) fn from_fn(value: impl FnMut(Product) -> f64) -> Self {
        Self(Product::ALL.map(value))
    }

    pub(super) fn sum(&self) -> f64 {
        self.0.iter().sum()
    }

    /// The products with their numbers, in the order of [`Product::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Product, f64)> + Clone {
        Product::ALL.into_iter().zip(self.0)
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "every discriminant of Product is below COUNT, the array's length"
)]
impl Index<Product> for ByProduct {
    type Output = f64;

    fn index(&self, product: Product) -> &f64 {
        &self.0[product as usize]
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "every discriminant of Product is below COUNT, the array's length"
)]
impl IndexMut<Product> for ByProduct {
    fn index_mut(&mut self, product: Product) -> &mut f64 {
        &mut self.0[product as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_listed_in_the_order_of_their_discriminants() {
        let positions = ByProduct::from_fn(|product| f64::from(product as u8));
        for (position, (product, value)) in positions.iter().enumerate() {
            assert_eq!(product as usize, position);
            assert_eq!(value, position as f64);
        }
    }
}
