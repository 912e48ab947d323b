-- Which version of pgkit's tables these are.
SELECT version FROM :"schema".pgkit_meta
